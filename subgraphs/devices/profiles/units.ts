import ucum from '@lhncbc/ucum-lhc';
import { LRUCache } from 'lru-cache';

/** The way from one unit to another. */
export interface Conversion {
  /** A value in the first unit in, the same quantity in the second out. */
  apply(value: number): number;
  /** What a difference is multiplied with, and a variance with its square; undefined where it is no straight line. */
  readonly gain: number | undefined;
}

/** What is known of units. All of them are UCUM codes, case sensitive. */
export interface Units {
  /** Why a text is no UCUM code, with what may have been meant; undefined when it is one. */
  findFault(code: string): string | undefined;
  /** The way between two units; undefined when they measure different things, or one of them is no unit. */
  conversion(from: string, to: string): Conversion | undefined;
  /** A value in another unit; undefined when there is no way. */
  convert(value: number, from: string, to: string): number | undefined;
}

/** kelvin = gain × value + offset. */
interface Scale {
  readonly gain: number;
  readonly offset: number;
}

/** The longest code: enough for every product of units, and quickly parsed. */
const MAX_CODE = 64;
const PRINTABLE = /^[!-~]+$/;
/**
 * The grammar: units with an exponent and an annotation, annotations and whole numbers, with points and slashes between
 * them. The library takes more, and of some of that it says on the console that it cannot parse it.
 *
 * Source: The Unified Code for Units of Measure, §5 (the Backus-Naur form).
 */
const ANNOTATION = String.raw`\{[^{}]*\}`;
const SIMPLE = String.raw`(?:10[*^]|(?:[A-Za-z%'"_]|\[[^\][{}()]+\])+)(?:[+-]?\d+)?(?:${ANNOTATION})?`;
const COMPONENT = `(?:${SIMPLE}|${ANNOTATION}|\\d+)`;
const TERM = `/?${COMPONENT}(?:[./]${COMPONENT})*`;
const WHOLE_TERM = new RegExp(`^${TERM}$`);
const TERM_IN_PARENTHESES = new RegExp(`\\(${TERM}\\)`);
/** The library looks units up in plain objects, where these are found as well. */
const NO_UNIT =
  /\b(?:constructor|toString|valueOf|toLocaleString|hasOwnProperty|isPrototypeOf|propertyIsEnumerable)\b|__/;

/** What people write for units whose code is another. */
const MEANT: ReadonlyMap<string, string> = new Map([
  ...['°C', 'degC', 'celsius', 'Celsius', '℃'].map((text) => [text, 'Cel'] as const),
  ...['°F', 'degF', 'fahrenheit', 'Fahrenheit', '℉'].map((text) => [text, '[degF]'] as const),
  ...['°', 'degrees', 'degree'].map((text) => [text, 'deg'] as const),
  ...['%RH', 'RH', 'percent', 'pct'].map((text) => [text, '%'] as const),
  ...['ppm', 'ppb', 'psi'].map((text) => [text, `[${text}]`] as const),
  ...([
    ['kelvin', 'K'],
    ['Kelvin', 'K'],
    ['volt', 'V'],
    ['watt', 'W'],
    ['ohm', 'Ohm'],
    ['Ω', 'Ohm'],
  ] as const),
  ...([
    ['Wh', 'W.h'],
    ['kWh', 'kW.h'],
    ['MWh', 'MW.h'],
    ['Ah', 'A.h'],
    ['mAh', 'mA.h'],
  ] as const),
  ...([
    ['VA', 'V.A'],
    ['kVA', 'kV.A'],
    ['var', 'V.A{reactive}'],
    ['VAR', 'V.A{reactive}'],
  ] as const),
  ...([
    ['rpm', '{revolutions}/min'],
    ['fps', '{frames}/s'],
    ['m²', 'm2'],
    ['m³', 'm3'],
    ['µm', 'um'],
  ] as const),
  ...([
    ['bytes', 'By'],
    ['byte', 'By'],
    ['sec', 's'],
    ['seconds', 's'],
    ['km/h', 'km/h'],
    ['kph', 'km/h'],
  ] as const),
  ...([
    ['Cel/s', 'K/s'],
    ['Cel/min', 'K/min'],
    ['Cel/h', 'K/h'],
  ] as const),
]);

/**
 * The scales of temperature that do not begin at absolute zero. As a table and not by the library's functions, whose
 * way over kelvin leaves its rounding in every value.
 *
 * Source: The Unified Code for Units of Measure, §§ 21, 22 and table 9 (special units).
 */
const TEMPERATURES: ReadonlyMap<string, Scale> = new Map([
  ['Cel', { gain: 1, offset: 273.15 }],
  ['[degF]', { gain: 5 / 9, offset: (459.67 * 5) / 9 }],
  ['[degRe]', { gain: 5 / 4, offset: 273.15 }],
]);

/** How many ways between units are remembered; the one used least recently is forgotten for one more. */
const MEMO = 1_000;
const SAME: Conversion = { apply: (value) => value, gain: 1 };

/**
 * Makes the knowledge of units. Both ways are pure; what was found is remembered.
 *
 * Source: The Unified Code for Units of Measure, version 2.2, by the library of the US National Library of Medicine.
 */
export function createUnits(): Units {
  const library = ucum.UcumLhcUtils.getInstance();
  const ways = new LRUCache<string, { readonly conversion: Conversion | undefined }>({ max: MEMO });
  const faults = new LRUCache<string, { readonly fault: string | undefined }>({ max: MEMO });

  function findFault(code: string): string | undefined {
    if (code.length < 1 || code.length > MAX_CODE) return `got ${code.length} characters`;
    const known = faults.get(code);
    if (known) return known.fault;
    const fault = judge(code);
    faults.set(code, { fault });
    return fault;
  }

  function judge(code: string): string | undefined {
    const meant = MEANT.get(code);
    if (meant !== undefined && meant !== code) return `did you mean \`${meant}\`?`;
    if (!PRINTABLE.test(code)) return 'it has spaces or characters beyond ASCII';
    if (!isWellFormed(code)) return 'it cannot be read';
    if (NO_UNIT.test(code)) return 'there is no such unit';
    const { status, ucumCode, msg } = library.validateUnitString(code, true);
    if (status === 'valid' && ucumCode === code) return undefined;
    return tidy(msg.join(' ')) || 'there is no such unit';
  }

  function toKelvin(code: string): Scale | undefined {
    const scale = TEMPERATURES.get(code);
    if (scale) return scale;
    const gain = isSpecial(code) ? undefined : ratio(code, 'K');
    return gain === undefined ? undefined : { gain, offset: 0 };
  }

  function isSpecial(code: string): boolean {
    return library.getSpecifiedUnit(code, 'validate').unit?.isSpecial_ === true;
  }

  function ratio(from: string, to: string): number | undefined {
    const { status, toVal } = library.convertUnitTo(from, 1, to);
    return status === 'succeeded' && toVal !== null ? round(toVal) : undefined;
  }

  function find(from: string, to: string): Conversion | undefined {
    if (findFault(from) !== undefined || findFault(to) !== undefined) return undefined;
    if (!isSpecial(from) && !isSpecial(to)) {
      const gain = ratio(from, to);
      return gain === undefined ? undefined : { apply: (value) => value * gain, gain };
    }
    const [first, second] = [toKelvin(from), toKelvin(to)];
    if (first && second) return between(first, second);
    const bend = (value: number) => library.convertUnitTo(from, value, to).toVal ?? NaN;
    return library.convertUnitTo(from, 1, to).status === 'succeeded'
      ? { apply: bend, gain: undefined }
      : undefined;
  }

  function conversion(from: string, to: string): Conversion | undefined {
    if (from === to) return SAME;
    const key = `${from} ${to}`;
    const known = ways.get(key);
    if (known) return known.conversion;
    const found = find(from, to);
    ways.set(key, { conversion: found });
    return found;
  }

  return {
    findFault,
    conversion,
    convert: (value, from, to) => conversion(from, to)?.apply(value),
  };
}

/**
 * A straight line, by where it meets whichever axis at the rounder number: 20 Cel are 68 [degF] and back without a digit
 * of rounding.
 */
function between(first: Scale, second: Scale): Conversion {
  const gain = round(first.gain / second.gain);
  // The difference of two offsets is as exact as the larger of them.
  const largest = Math.max(first.offset, second.offset);
  const offset = round((first.offset - second.offset) / second.gain, largest / second.gain);
  const zero = round((second.offset - first.offset) / first.gain, largest / first.gain);
  const isRounder = String(offset).length <= String(zero).length;
  return { apply: isRounder ? (value) => value * gain + offset : (value) => (value - zero) * gain, gain };
}

/** The decimal number that a double stands for, where what it differs by is but the rounding of how it was computed. */
function round(value: number, largest = Math.abs(value)): number {
  const decimal = Number(value.toPrecision(12));
  return Math.abs(value - decimal) <= 4e-15 * largest ? decimal : value;
}

/** Whether a code follows the grammar; its units are not looked up. */
function isWellFormed(code: string): boolean {
  let rest = code;
  // Innermost first, as a number, which can have neither an exponent nor anything else beside it.
  while (TERM_IN_PARENTHESES.test(rest)) rest = rest.replace(TERM_IN_PARENTHESES, '1');
  return WHOLE_TERM.test(rest);
}

/** The library's sentence in one line, without what stands in ours already. */
function tidy(message: string): string {
  return message
    .replace(/\s+/g, ' ')
    .replace(/^\S+ is not a valid UCUM code\. /, '')
    .replace(/No alternatives were found\.$/, 'there is no such unit')
    .trim()
    .slice(0, 200);
}
