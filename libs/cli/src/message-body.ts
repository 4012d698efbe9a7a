/** What is valid JSON is sent as JSON, anything else as text. */
export function bodyOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // The newline at the end of a file is not part of the text.
    return text.replace(/\r?\n$/, '');
  }
}
