/** How a value in a unit of SenML becomes one in UCUM. */
export interface SenmlUnit {
  /** UCUM code. */
  readonly code: string;
  /** What is to be added to the value, in that unit. */
  readonly offset?: number;
}

/** Source: RFC 8428, §12.1 (the registry of units), and RFC 8798, §2 (more of them). */
const PRIMARY: readonly (readonly [unit: string, code: string])[] = [
  ...['m', 'kg', 'g', 's', 'A', 'K', 'cd', 'mol', 'Hz', 'rad', 'sr', 'N', 'Pa', 'J', 'W', 'C', 'V'].map(same),
  ...['F', 'Ohm', 'S', 'Wb', 'T', 'H', 'Cel', 'lm', 'lx', 'Bq', 'Gy', 'Sv', 'kat', 'm2', 'm3', 'l', 'L'].map(
    same,
  ),
  ...['m/s', 'm/s2', 'm3/s', 'l/s', 'W/m2', 'cd/m2', 'bit', 'bit/s', 'dB', '%', '1/s', '1/min', 'S/m'].map(
    same,
  ),
  ['lat', 'deg'],
  ['lon', 'deg'],
  ['pH', '[pH]'],
  ['dBW', 'dB[W]'],
  ['Bspl', 'B[SPL]'],
  ['count', '{count}'],
  ['/', '1'],
  ['%RH', '%'],
  ['%EL', '%'],
  // Energy that is left, as the time for which it lasts.
  ['EL', 's'],
  ['beat/min', '{beats}/min'],
  ['beats', '{beats}'],
  ['B', 'By'],
  ['VA', 'V.A'],
  ['VAs', 'V.A.s'],
  ['var', 'V.A{reactive}'],
  ['vars', 'V.A{reactive}.s'],
  ['J/m', 'J/m'],
  ['kg/m3', 'kg/m3'],
  ['deg', 'deg'],
  ['NTU', '{ntu}'],
];

/** Source: RFC 8798, §3 (the registry of secondary units). Their scales are those of UCUM's prefixes. */
const SECONDARY: readonly (readonly [unit: string, code: string])[] = [
  ...['ms', 'min', 'h', 'MHz', 'kW', 'mV', 'mA', 'hPa', 'mm', 'cm', 'km', 'km/h', 'mm/h', 'm/h', 'ug/m3'].map(
    same,
  ),
  ['kVA', 'kV.A'],
  ['kvar', 'kV.A{reactive}'],
  ['Ah', 'A.h'],
  ['Wh', 'W.h'],
  ['kWh', 'kW.h'],
  ['varh', 'V.A{reactive}.h'],
  ['kvarh', 'kV.A{reactive}.h'],
  ['kVAh', 'kV.A.h'],
  ['Wh/km', 'W.h/km'],
  ['KiB', 'KiBy'],
  ['GB', 'GBy'],
  ['Mbit/s', 'Mbit/s'],
  ['B/s', 'By/s'],
  ['MB/s', 'MBy/s'],
  ['ppm', '[ppm]'],
  ['/100', '%'],
  ['/1000', '[ppth]'],
  ['ppb', '[ppb]'],
];

/** The units of SenML by their names. */
const UNITS: ReadonlyMap<string, SenmlUnit> = new Map<string, SenmlUnit>([
  ...[...PRIMARY, ...SECONDARY].map(([unit, code]): [string, SenmlUnit] => [unit, { code }]),
  // UCUM has levels over a watt alone: 0 dBm are -30 dBW. Source: RFC 8798, §3.
  ['dBm', { code: 'dB[W]', offset: -30 }],
]);

/** A unit of SenML as one of UCUM; a name that SenML does not have is taken for a UCUM code. */
export function toUcum(unit: string): SenmlUnit {
  return UNITS.get(unit) ?? { code: unit };
}

/** The names of all units, for tests and for people. */
export function listSenmlUnits(): readonly string[] {
  return [...UNITS.keys()];
}

function same(unit: string): readonly [string, string] {
  return [unit, unit];
}
