/** Bars beside each other, each with its label before it and its value behind it. */
export interface BarChart {
  readonly title: string;
  /** What the values are, with their unit, and how they were measured. */
  readonly subtitle: string;
  readonly bars: readonly Bar[];
}

export interface Bar {
  readonly label: string;
  readonly value: number;
  /** Ours stand out, floors stand back. */
  readonly kind: 'ours' | 'peer' | 'floor';
}

const WIDTH = 860;
const MARGIN = 24;
const LABELS = 330;
/** For the value behind the longest bar. */
const VALUES = 90;
const HEAD = 78;
const BAR = 22;
const STEP = 32;

/* Both schemes have enough contrast on a page without a background of its own, as GitHub's. */
const STYLE = `
  text { font: 13px system-ui, -apple-system, 'Segoe UI', sans-serif; fill: #1f2328; }
  .title { font-size: 17px; font-weight: 600; }
  .subtitle { fill: #59636e; }
  .value { font-variant-numeric: tabular-nums; }
  .ours { fill: #0969da; } .peer { fill: #8c959f; } .floor { fill: #c8d1da; }
  @media (prefers-color-scheme: dark) {
    text { fill: #f0f6fc; } .subtitle { fill: #9198a1; }
    .ours { fill: #4493f8; } .peer { fill: #6e7681; } .floor { fill: #3d444d; }
  }`;

/** The chart as SVG. */
export function drawBarChart({ title, subtitle, bars }: BarChart): string {
  const height = HEAD + bars.length * STEP + MARGIN;
  const room = WIDTH - 2 * MARGIN - LABELS - VALUES;
  const most = Math.max(...bars.map(({ value }) => value), Number.MIN_VALUE);
  const drawn = bars.map((bar, index) => drawBar(bar, HEAD + index * STEP, (bar.value / most) * room));
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" role="img" aria-label="${escape(title)}">
<style>${STYLE}
</style>
<text class="title" x="${MARGIN}" y="34">${escape(title)}</text>
<text class="subtitle" x="${MARGIN}" y="56">${escape(subtitle)}</text>
${drawn.join('\n')}
</svg>
`;
}

function drawBar({ label, value, kind }: Bar, top: number, length: number): string {
  const from = MARGIN + LABELS;
  const middle = top + BAR / 2 + 5;
  const shown = Math.max(length, 1).toFixed(1);
  return [
    `<text x="${from - 10}" y="${middle}" text-anchor="end">${escape(label)}</text>`,
    `<rect class="${kind}" x="${from}" y="${top}" width="${shown}" height="${BAR}" rx="3"/>`,
    `<text class="value" x="${(from + Number(shown) + 8).toFixed(1)}" y="${middle}">${formatValue(value)}</text>`,
  ].join('');
}

function formatValue(value: number): string {
  return value >= 100 ? Math.round(value).toLocaleString('en') : value.toPrecision(3);
}

function escape(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;');
}
