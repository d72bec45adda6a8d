// Samples and what is said about them.

/** Linear between neighbours, as most tools do it; undefined without samples. */
export function percentile(samples, p) {
  if (samples.length === 0) return undefined;
  const sorted = [...samples].sort((a, b) => a - b);
  const at = (sorted.length - 1) * p;
  const low = Math.floor(at);
  const high = Math.ceil(at);
  return sorted[low] + (sorted[high] - sorted[low]) * (at - low);
}

export const median = (samples) => percentile(samples, 0.5);

/** {n, median, p95, least, most} of a list of numbers; those that are undefined do not count. */
export function summary(samples) {
  const known = samples.filter((x) => x !== undefined);
  if (known.length === 0) return undefined;
  return {
    n: known.length,
    median: median(known),
    p95: percentile(known, 0.95),
    least: Math.min(...known),
    most: Math.max(...known),
    samples: known,
  };
}
