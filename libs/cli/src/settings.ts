import { Argument, InvalidArgumentError } from 'commander';

/** Settings as `FIELD=VALUE` arguments. A value that was left empty is undefined: the default. */
export type Settings = readonly (readonly [field: string, value: unknown])[];

export const settingsArgument = (): Argument =>
  new Argument(
    '[settings...]',
    'FIELD=VALUE, by the names of the HTTP API; FIELD= for the default',
  ).argParser(settingOf);

function settingOf(text: string, earlier: Settings = []): Settings {
  const [, field = '', value = ''] = /^(\w+)=(.*)$/s.exec(text) ?? [];
  if (field === '') throw new InvalidArgumentError('Expected FIELD=VALUE, such as maxReceives=3.');
  return [...earlier, [field, readValue(value)]];
}

/** A value is JSON, or else a text. */
function readValue(text: string): unknown {
  if (text === '') return undefined;
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
