/**
 * What happened between two looks: rates, shares and times out of counters.
 *
 * Pure arithmetic. A counter that fell means that the gateway began anew: what stands
 * in it now came since.
 */

/** How much a counter rose. */
export function rise(now = 0, before = 0) {
  return now >= before ? now - before : now;
}

/** The same of every name in *now*. */
export function rises(now, before = {}) {
  return Object.fromEntries(
    Object.entries(now).map(([name, value]) => [name, rise(value, before[name])]),
  );
}

export function sum(values) {
  return Object.values(values).reduce((total, one) => total + one, 0);
}

/** Counts of buckets that came between two looks. */
export function bucketsBetween(now, before) {
  return now.counts.map((count, index) => rise(count, before?.counts[index]));
}

/**
 * A quantile of counts by bucket, in seconds, as Prometheus reckons it: evenly spread
 * within the bucket; above all edges the highest edge. Null of nothing.
 */
export function quantile(share, counts, edges) {
  const total = counts.reduce((all, one) => all + one, 0);
  if (!total) return null;
  let wanted = share * total;
  for (let at = 0; at < edges.length; at += 1) {
    if (wanted <= counts[at] && counts[at] > 0) {
      const low = at ? edges[at - 1] : 0;
      return low + ((edges[at] - low) * wanted) / counts[at];
    }
    wanted -= counts[at];
  }
  return edges.at(-1);
}

/** The last *most* values of what is looked at again and again. */
export class Series {
  constructor(most = 60) {
    this.most = most;
    this.values = [];
  }

  add(value) {
    this.values.push(value ?? null);
    if (this.values.length > this.most) this.values.shift();
  }
}
