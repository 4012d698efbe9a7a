import { once } from 'node:events';
import { createServer } from 'node:net';
import { CannotStart } from './settings.mjs';

/** The error code when this process cannot listen on a port; null when it can. */
async function obstacle(port, host) {
  const server = createServer().listen({ port, host, exclusive: true });
  try {
    await once(server, 'listening');
  } catch (error) {
    return error.code;
  }
  server.close();
  await once(server, 'close');
  return null;
}

/**
 * Checks, before anything starts, that every port is free.
 *
 * @param {{ port: number, host: string, what: string, variable: string }[]} wanted
 * @throws CannotStart with each port that is taken, and what to do
 */
export async function checkPorts(wanted) {
  const found = await Promise.all(
    wanted.map(async ({ port, host, what, variable }) => {
      // Also check the loopback interface: some systems allow a second listener there.
      const code = (await obstacle(port, host)) ?? (await obstacle(port, '127.0.0.1'));
      if (code === null) return null;
      if (code === 'EADDRINUSE')
        return { port, line: `Port ${port} (${what}, set by ${variable}) is taken.` };
      return { port, line: `Port ${port} (${what}, set by ${variable}) cannot be used: ${code}.` };
    }),
  );
  const taken = found.filter((each) => each !== null);
  if (taken.length === 0) return;
  throw new CannotStart(
    [
      ...taken.map(({ line }) => line),
      `Find the process with: lsof -nP -iTCP:${taken[0].port} -sTCP:LISTEN`,
      'Stop it (another npm start?), or set other ports in .env (see .env.example). Nothing was started.',
    ].join('\n'),
  );
}
