import { z } from 'zod';

/**
 * Names with values, as standard settings of OpenTelemetry have them: `name=value,other=value`, percent-encoded where need be.
 *
 * Source: OpenTelemetry Protocol Exporter specification, "Specifying headers via environment variables".
 */
export const keyValues = z.string().transform((text, context): Readonly<Record<string, string>> => {
  const pairs: Record<string, string> = {};
  for (const part of text.split(',').flatMap((piece) => piece.trim() || [])) {
    const [, name = '', value = ''] = /^([^=]*)=(.*)$/.exec(part) ?? [];
    const decoded = decode(value.trim());
    if (name.trim() === '' || decoded === undefined) context.addIssue('expected name=value');
    else pairs[name.trim()] = decoded;
  }
  return pairs;
});

function decode(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}
