import type { ServerResponse } from 'node:http';

const POLICY = 'Content-Security-Policy';
const OTHERS = {
  'X-Content-Type-Options': 'nosniff',
  'X-Frame-Options': 'DENY',
  'Referrer-Policy': 'no-referrer',
};

/** On every answer: a browser takes it for nothing but what it says it is, shows it in no frame, and loads nothing for it. */
export const SECURITY_HEADERS: Readonly<Record<string, string>> = {
  ...OTHERS,
  [POLICY]: "default-src 'none'; frame-ancestors 'none'",
};

const toLines = (headers: Readonly<Record<string, string>>): string =>
  Object.entries(headers)
    .map(([name, value]) => `${name}: ${value}\r\n`)
    .join('');
const LINES = toLines(SECURITY_HEADERS);
const LINES_OF_OTHERS = toLines(OTHERS);

/** The headers as they are sent. An answer may have a policy of its own. */
export const securityLines = (response: ServerResponse): string =>
  response.hasHeader(POLICY) ? LINES_OF_OTHERS : LINES;

/** For Swagger UI: its own scripts, its inline styles and icons, and calls to this node. */
export function allowPage(response: ServerResponse): void {
  response.setHeader(
    POLICY,
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; connect-src 'self'; frame-ancestors 'none'",
  );
}

/** For the console: its own scripts and styles, and calls to this node. */
export function allowConsole(response: ServerResponse): void {
  response.setHeader(
    POLICY,
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
  );
}
