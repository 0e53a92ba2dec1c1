"""
The Grafana dashboards as code; what is committed under ``configs/grafana``.

``python -m loadtest.dashboards FOLDER`` writes them again; a test holds the files to
this code and runs every expression on a Prometheus. Not here: alert and recording
rules, which are plain files under ``configs/prometheus``.
"""
