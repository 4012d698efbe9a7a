/** A value of JSON as a text that can be read. */
export const Json = ({ value }: { value: unknown }) => (
  <pre class="json">{JSON.stringify(value, null, 2)}</pre>
);

/** The beginning of a value, in one line. */
export function brief(value: unknown, most = 80): string {
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  return text.length > most ? `${text.slice(0, most)}…` : text;
}
