import { useEffect, useRef } from 'react';
import uPlot from 'uplot';
import 'uplot/dist/uPlot.min.css';
import { formatStep, formatValue } from './format.js';

/** One line of a plot. */
export interface PlotLine {
  readonly label: string;
  /** One for each instant; null where there is none. */
  readonly values: readonly (number | null)[];
  /** The name of the CSS variable that holds its colour. */
  readonly colour: string;
}

/** From when to when, in milliseconds since 1970. */
export interface TimeSpan {
  readonly from: number;
  readonly to: number;
}

/** A limit that is drawn across. */
export interface PlotLimit {
  readonly value: number;
  readonly label: string;
}

export interface TimePlotProps {
  /** What is plotted, for those who do not see it. */
  readonly title: string;
  /** Milliseconds since 1970, ascending. */
  readonly instants: readonly number[];
  readonly lines: readonly PlotLine[];
  /** What the axis of time shows, however little of it has values; from the first to the last instant when left out. */
  readonly span?: TimeSpan;
  /** UCUM code. */
  readonly unit: string;
  readonly limits?: readonly PlotLimit[];
  /** The scale, when it is known beforehand. */
  readonly bounds?: readonly [number, number];
  readonly height?: number;
}

const HEIGHT = 180;
/** How wide a dot is, in pixels. */
const DOT = 7;

/** Lines over time. Its colours follow the page's, its width the room that there is; its text tells what the lines show. */
export function TimePlot(props: TimePlotProps) {
  const { title, instants, lines, span, unit, limits = [], bounds, height = HEIGHT } = props;
  const place = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot>(undefined);
  const shape = JSON.stringify([
    lines.map(({ label, colour }) => [label, colour]),
    unit,
    limits,
    bounds,
    height,
  ]);
  const newest = useRef(props);
  newest.current = props;

  useEffect(() => {
    const element = place.current;
    if (!element) return undefined;
    const made = new uPlot(
      toOptions(newest.current, element, () => newest.current.span),
      toData(newest.current),
      element,
    );
    plot.current = made;
    const watcher = new ResizeObserver(() => {
      if (element.clientWidth > 0) made.setSize({ width: element.clientWidth, height });
    });
    watcher.observe(element);
    // Colours are read when lines are drawn: draw them again when the page has others.
    const redraw = () => {
      made.redraw();
    };
    const themes = new MutationObserver(redraw);
    themes.observe(document.documentElement, { attributeFilter: ['data-theme'] });
    const system = matchMedia('(prefers-color-scheme: dark)');
    system.addEventListener('change', redraw);
    return () => {
      watcher.disconnect();
      themes.disconnect();
      system.removeEventListener('change', redraw);
      made.destroy();
      plot.current = undefined;
    };
  }, [shape, height]);

  useEffect(() => {
    plot.current?.setData(toData({ instants, lines }));
  }, [instants, lines, span]);

  return (
    <figure className="plot">
      <figcaption className="visually-hidden">{summarise(title, lines, unit)}</figcaption>
      <div ref={place} aria-hidden="true" />
    </figure>
  );
}

function summarise(title: string, lines: readonly PlotLine[], unit: string): string {
  const told = lines.map(({ label, values }) => {
    const known = values.filter((value): value is number => value !== null);
    const last = known.at(-1);
    if (last === undefined) return `${label}: no values`;
    const least = known.reduce((a, b) => Math.min(a, b));
    const most = known.reduce((a, b) => Math.max(a, b));
    return `${label}: now ${formatValue(last, unit)}, least ${formatValue(least, unit)}, most ${formatValue(most, unit)}`;
  });
  return `${title}. ${told.join('. ')}.`;
}

function toData({ instants, lines }: Pick<TimePlotProps, 'instants' | 'lines'>): uPlot.AlignedData {
  return [instants.map((at) => at / 1_000), ...lines.map(({ values }) => [...values])];
}

function colourOf(name: string): string {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

function toOptions(
  { lines, unit, limits = [], bounds, height = HEIGHT }: TimePlotProps,
  element: HTMLElement,
  spanNow: () => TimeSpan | undefined,
): uPlot.Options {
  const axis = {
    stroke: () => colourOf('--text-soft'),
    grid: { stroke: () => colourOf('--line'), width: 1 },
    ticks: { stroke: () => colourOf('--line'), width: 1 },
    font: '12px system-ui, sans-serif',
  };
  return {
    width: Math.max(200, element.clientWidth),
    height,
    legend: { show: lines.length > 1, live: false },
    cursor: { y: false, points: { size: 6 } },
    scales: {
      x: { range: rangeOfTime(spanNow) },
      y: bounds ? { range: [bounds[0], bounds[1]] } : { range: rangeAround(limits) },
    },
    series: [
      {},
      ...lines.map(({ label, colour }) => ({
        label,
        stroke: () => colourOf(colour),
        width: 1.75,
        spanGaps: false,
        points: { show: false, size: DOT, fill: () => colourOf(colour), filter: findLonely },
      })),
    ],
    axes: [
      { ...axis, space: 80, values: (_plot, ticks) => ticks.map((tick) => instantText(tick, ticks)) },
      {
        ...axis,
        size: unit.startsWith('By') ? 76 : 56,
        values: (_plot, ticks) => ticks.map((tick) => tickText(tick, ticks, unit)),
      },
    ],
    hooks: {
      draw: [
        (plot) => {
          drawLimits(plot, limits);
        },
      ],
    },
  };
}

/** The points that no line leads to or from: without a dot nobody would see them. */
function findLonely(plot: uPlot, series: number): number[] {
  const values = Array.from(plot.data[series] ?? []);
  return values.flatMap((value, index) =>
    value != null && values[index - 1] == null && values[index + 1] == null ? [index] : [],
  );
}

/** The chosen span, unless somebody has marked a part of it to look at: uPlot asks for all of the data otherwise. */
function rangeOfTime(spanNow: () => TimeSpan | undefined) {
  return (plot: uPlot, least: number, most: number): uPlot.Range.MinMax => {
    const [instants] = plot.data;
    const isAll = instants.length < 2 || (least === instants[0] && most === instants.at(-1));
    const span = spanNow();
    return isAll && span ? [span.from / 1_000, span.to / 1_000] : [least, most];
  };
}

const MINUTE_S = 60;
const DAY_S = 86_400;

/** A tick of the time axis, as exactly as the axis is fine; `at` and `ticks` in seconds since 1970. */
function instantText(at: number, ticks: readonly number[]): string {
  const step = (ticks[1] ?? at + MINUTE_S) - (ticks[0] ?? at);
  const date = new Date(at * 1_000);
  if (step >= DAY_S / 2) return date.toLocaleDateString(undefined, { day: 'numeric', month: 'short' });
  return date.toLocaleTimeString(undefined, {
    hour: '2-digit',
    minute: '2-digit',
    ...(step < MINUTE_S ? { second: '2-digit' } : {}),
  });
}

/** A tick of the axis of values, as exactly as the axis is fine. */
function tickText(value: number, ticks: readonly number[], unit: string): string {
  return unit.startsWith('By')
    ? formatValue(value, unit)
    : formatStep(value, Math.abs((ticks[1] ?? 0) - (ticks[0] ?? 0)));
}

/** Room for the lines and the limits, with a little air; never a scale of no height. */
function rangeAround(limits: readonly PlotLimit[]) {
  return (_plot: uPlot, least: number | null, most: number | null): uPlot.Range.MinMax => {
    const values = [
      ...(least === null ? [] : [least]),
      ...(most === null ? [] : [most]),
      ...limits.map(({ value }) => value),
    ];
    if (values.length === 0) return [0, 1];
    const low = Math.min(...values);
    const high = Math.max(...values);
    const air = (high - low) * 0.08 || Math.abs(high) * 0.1 || 1;
    return [low >= 0 && low - air < 0 ? 0 : low - air, high + air];
  };
}

function drawLimits(plot: uPlot, limits: readonly PlotLimit[]): void {
  const { ctx: pen, bbox: box } = plot;
  pen.save();
  pen.strokeStyle = colourOf('--warn');
  pen.fillStyle = colourOf('--warn');
  pen.font = `${11 * devicePixelRatio}px system-ui, sans-serif`;
  pen.setLineDash([6 * devicePixelRatio, 4 * devicePixelRatio]);
  for (const { value, label } of limits) {
    const y = plot.valToPos(value, 'y', true);
    pen.beginPath();
    pen.moveTo(box.left, y);
    pen.lineTo(box.left + box.width, y);
    pen.stroke();
    pen.fillText(label, box.left + 4 * devicePixelRatio, y - 4 * devicePixelRatio);
  }
  pen.restore();
}
