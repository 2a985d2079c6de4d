/** A line: one value for each place along the axis; none where it is not known. */
export interface Line {
  readonly label: string;
  readonly values: readonly (number | null)[];
}

/** Lines above each other, each in a field of its own over one axis. */
export interface LineChart {
  readonly title: string;
  readonly subtitle: string;
  /** What the axis is, with its unit. */
  readonly axis: string;
  /** Where along the axis the values lie, ascending. */
  readonly places: readonly number[];
  readonly fields: readonly {
    readonly label: string;
    /** 0 when left out. */
    readonly minimum?: number;
    readonly maximum: number;
    readonly lines: readonly Line[];
  }[];
}

const WIDTH = 860;
const LEFT = 110;
const RIGHT = 24;
const HEAD = 78;
const FIELD = 84;
const GAP = 18;

const STYLE = `
  text { font: 13px system-ui, -apple-system, 'Segoe UI', sans-serif; fill: #1f2328; }
  .title { font-size: 17px; font-weight: 600; } .subtitle, .tick { fill: #59636e; } .tick { font-size: 11px; }
  .frame { fill: none; stroke: #d1d9e0; } .first { stroke: #0969da; } .second { stroke: #8c959f; stroke-dasharray: 4 3; }
  .first, .second { fill: none; stroke-width: 1.6; }
  @media (prefers-color-scheme: dark) {
    text { fill: #f0f6fc; } .subtitle, .tick { fill: #9198a1; } .frame { stroke: #3d444d; }
    .first { stroke: #4493f8; } .second { stroke: #6e7681; }
  }`;

/** The chart as SVG. */
export function drawLineChart({ title, subtitle, axis, places, fields }: LineChart): string {
  const height = HEAD + fields.length * (FIELD + GAP) + 30;
  const [first = 0, last = 1] = [places[0], places.at(-1)];
  const x = (place: number) => LEFT + ((place - first) / (last - first)) * (WIDTH - LEFT - RIGHT);
  const drawn = fields.map(({ label, minimum = 0, maximum, lines }, index) => {
    const top = HEAD + index * (FIELD + GAP);
    const y = (value: number) =>
      top + FIELD - ((Math.min(maximum, Math.max(minimum, value)) - minimum) / (maximum - minimum)) * FIELD;
    return [
      `<rect class="frame" x="${LEFT}" y="${top}" width="${WIDTH - LEFT - RIGHT}" height="${FIELD}"/>`,
      `<text x="${LEFT - 12}" y="${top + FIELD / 2 + 5}" text-anchor="end">${label}</text>`,
      `<text class="tick" x="${LEFT - 4}" y="${top + 10}" text-anchor="end">${maximum}</text>`,
      `<text class="tick" x="${LEFT - 4}" y="${top + FIELD}" text-anchor="end">${minimum}</text>`,
      ...lines.map(({ values }, which) => drawLine(values, { places, x, y, isFirst: which === 0 })),
    ].join('\n');
  });
  const ticks = Array.from({ length: 5 }, (_, step) => first + ((last - first) * step) / 4).map(
    (place) =>
      `<text class="tick" x="${x(place).toFixed(1)}" y="${height - 30}" text-anchor="middle">${Number(place.toFixed(2))}</text>`,
  );
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" role="img" aria-label="${title}">
<style>${STYLE}
</style>
<text class="title" x="24" y="34">${title}</text>
<text class="subtitle" x="24" y="56">${subtitle}</text>
${drawn.join('\n')}
${ticks.join('\n')}
<text class="subtitle" x="${(LEFT + WIDTH - RIGHT) / 2}" y="${height - 8}" text-anchor="middle">${axis}</text>
</svg>
`;
}

interface Scales {
  readonly places: readonly number[];
  readonly x: (place: number) => number;
  readonly y: (value: number) => number;
  readonly isFirst: boolean;
}

/** A line with a gap wherever a value is not known. */
function drawLine(values: readonly (number | null)[], { places, x, y, isFirst }: Scales): string {
  let pen = 'M';
  const steps = values.flatMap((value, index) => {
    if (value === null) {
      pen = 'M';
      return [];
    }
    const step = `${pen}${x(places[index] ?? 0).toFixed(1)} ${y(value).toFixed(1)}`;
    pen = 'L';
    return [step];
  });
  return `<path class="${isFirst ? 'first' : 'second'}" d="${steps.join('')}"/>`;
}
