/* What Aegis uses of @lhncbc/ucum-lhc, which brings no types. */
declare module '@lhncbc/ucum-lhc' {
  interface UcumUnit {
    readonly isSpecial_: boolean;
  }

  interface UcumUtils {
    validateUnitString(
      code: string,
      suggest?: boolean,
    ): {
      readonly status: 'valid' | 'invalid' | 'error';
      readonly ucumCode: string | null;
      readonly msg: readonly string[];
    };
    convertUnitTo(
      from: string,
      value: number,
      to: string,
    ): { readonly status: string; readonly toVal: number | null; readonly msg: readonly string[] };
    getSpecifiedUnit(code: string, purpose: 'validate'): { readonly unit: UcumUnit | null };
  }

  const ucum: { readonly UcumLhcUtils: { getInstance(): UcumUtils } };
  export = ucum;
}
