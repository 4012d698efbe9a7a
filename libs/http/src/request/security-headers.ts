import type { ServerResponse } from 'node:http';

const CONTENT_SECURITY_POLICY = 'Content-Security-Policy';

/** On every answer: a browser takes it for nothing but what it says it is, shows it in no frame, and loads nothing for it. */
export const SECURITY_HEADERS: Readonly<Record<string, string>> = {
  'X-Content-Type-Options': 'nosniff',
  'X-Frame-Options': 'DENY',
  'Referrer-Policy': 'no-referrer',
  [CONTENT_SECURITY_POLICY]: "default-src 'none'; frame-ancestors 'none'",
};
const ENTRIES = Object.entries(SECURITY_HEADERS);

export function setSecurityHeaders(response: ServerResponse): void {
  for (const [name, value] of ENTRIES) response.setHeader(name, value);
}

/** For Swagger UI: its own scripts, its inline styles and icons, and calls to this node. */
export function allowPage(response: ServerResponse): void {
  response.setHeader(
    CONTENT_SECURITY_POLICY,
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; connect-src 'self'; frame-ancestors 'none'",
  );
}
