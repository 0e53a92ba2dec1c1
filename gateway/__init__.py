"""
What accepts, orders, protects, hands over and shows.

Each room below has its own docstring. Deliberately not here: what to answer
(``engines``) and how to judge a turn (``router_models``).

Threat model
------------

Trusted: the machine, the store behind its own network, the shop's business system,
whoever may write the configuration, supervisors within their shop.

Not trusted: customers and what they write; platforms' webhooks until their signature
holds on the raw bytes; documents, order notes, names and every other text that is
read; the language model, which is taken to be on the attacker's side.

    who attacks             where it ends
    customer's words        policy and ledger outside of any model; no figure without a
                            source; consent before, receipt after every effect
    forged or old webhook   ``gateway.channels``: signature, time window, message id
    another customer        identity comes from key, token or platform, never from text
                            or a model's arguments; orders are read as that customer
    another shop            shop from the key; it is in every key of the store, every
                            index of knowledge, every desk
    page of another site    own origin, CSRF token, SameSite cookie; content security
                            policy without inline code; nothing loads from elsewhere
    operator who climbs     role checked with every call; the account is read each time
    operator who denies it  sign-ins, orders, approvals and accounts stand in a chain of
                            hashes before they take effect; not what was done in talks
    flood, bill             rates by key and visitor, bounded bodies and mailboxes,
                            admission; token budgets by shop and by customer
    file from outside       models are arrays and JSON with hashes, never code; backups
                            and documents are checked and bounded before use
    reader of logs          personal data is masked before logs, metrics, models;
                            texts of messages are not logged at all

Each line but that of the audit log (``tests/contracts/test_audit_log.py``) is a row of
``tidegate loadtest attack``. Out of scope: who holds the disk or
the memory of the store (it is not encrypted: encrypt the volume), a malicious shop
system or operator within their rights, denial of service below HTTP, TLS itself (put a
proxy in front), and names and street addresses in free text on their way to a language
model, which no pattern finds.
"""
