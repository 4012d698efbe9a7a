const GENERATION_DIGITS = 16;
const NUMBER_DIGITS = 14;

/**
 * The id of a message as a UUID: some clients take no other. Its digits are those of the id, in the places that version 8 leaves free, so that a person
 * finds the message: `1796081510795410-12` is `17960815-1079-8541-8000-000000000012`.
 */
export function messageUuid(id: string): string {
  const [generation = '', number = ''] = id.split('-');
  const digits = generation.padStart(GENERATION_DIGITS, '0') + number.padStart(NUMBER_DIGITS, '0');
  const part = (from: number, to: number) => digits.slice(from, to);
  return `${part(0, 8)}-${part(8, 12)}-8${part(12, 15)}-8${part(15, 18)}-${part(18, 30)}`;
}
