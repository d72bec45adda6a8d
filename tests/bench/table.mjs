// Rows as a table: the median of each client, the worst beside it where there are several samples,
// and what tsconnect's and native's medians are of ours.

function cell(row, client) {
  const summary = row.cells[client];
  if (!summary) return '–';
  const text = (x) => x.toFixed(row.digits);
  const worst = row.less ? summary.most : summary.least;
  return summary.n > 1 ? `${text(summary.median)} (${text(worst)})` : text(summary.median);
}

/** How many times better than the other ours is. */
function ratio({cells, less}, client) {
  const [ours, other] = [cells.ours?.median, cells[client]?.median];
  if (!ours || !other) return '–';
  return `${(less ? other / ours : ours / other).toPrecision(3)} ×`;
}

const MET = new Map([
  [true, 'met'],
  [false, 'NOT MET'],
]);

/** Markdown, padded so that it reads as it is. */
export function table(rows, clients, compared) {
  const lines = [
    ['', ...clients, ...compared.map((client) => `against ${client}`), 'bar', ''],
    ...rows.map((row) => [
      [row.name, row.unit].filter(Boolean).join(', '),
      ...clients.map((client) => cell(row, client)),
      ...compared.map((client) => ratio(row, client)),
      row.bar ?? '',
      row.bar ? (MET.get(row.met) ?? 'not measured') : '',
    ]),
  ];
  const widths = lines[0].map((_, i) => Math.max(3, ...lines.map((line) => line[i].length)));
  const format = (line) => `| ${line.map((text, i) => text.padEnd(widths[i])).join(' | ')} |`;
  const [head, ...body] = lines;
  return [format(head), format(widths.map((n) => '-'.repeat(n))), ...body.map(format)].join('\n');
}
