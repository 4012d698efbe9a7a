import { type ApiKeysFile, apiKeysFileSchema } from './access.js';

/** The largest file, in characters; ten thousand keys fit into less. */
const MAX_LENGTH = 16_777_216;
const MAX_ISSUES = 5;

/** The file cannot be used. The message is one line, and quotes nothing of the file: it may have secrets in wrong places. */
export class InvalidKeysFile extends Error {
  override readonly name = 'InvalidKeysFile';
}

/**
 * What the text of a file says for `API_KEYS_FILE`.
 *
 * @throws InvalidKeysFile
 */
export function parseKeysFile(text: string): ApiKeysFile {
  if (text.length > MAX_LENGTH) throw new InvalidKeysFile(`it is larger than ${MAX_LENGTH} characters`);
  const parsed = apiKeysFileSchema.safeParse(json(text));
  if (parsed.success) return parsed.data;
  const issues = parsed.error.issues.slice(0, MAX_ISSUES).map((issue) => {
    const message = issue.code === 'unrecognized_keys' ? 'it has unknown fields' : issue.message;
    return `${issue.path.join('.') || 'the file'}: ${message}`;
  });
  const more = parsed.error.issues.length - issues.length;
  throw new InvalidKeysFile(issues.join('; ') + (more > 0 ? `; and ${more} more` : ''));
}

function json(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    // The message of the parser may quote the file.
    const [, position] = /position (\d+)/.exec(String(error)) ?? [];
    const line =
      position === undefined ? '' : ` (line ${text.slice(0, Number(position)).split('\n').length})`;
    throw new InvalidKeysFile(`it is not JSON${line}`);
  }
}
