import { BlockList, isIP, isIPv6 } from 'node:net';

const LOOPBACK = new BlockList();
LOOPBACK.addSubnet('127.0.0.0', 8);
LOOPBACK.addAddress('::1', 'ipv6');

/** Whether only programs on this machine reach an address. */
export const isLoopback = (host: string): boolean =>
  isIP(host) === 0 ? host === 'localhost' : LOOPBACK.check(host, isIPv6(host) ? 'ipv6' : 'ipv4');

/** Where a node listens. `warning`: what its operator may not expect; undefined: nothing. */
export interface Exposure {
  readonly host: string;
  readonly warning: string | undefined;
}

/** A node that asks for no keys is open to its own machine alone, unless its operator wants it open. */
export function exposureOf(
  host: string | undefined,
  { requiresKeys, allowsAnonymous }: { requiresKeys: boolean; allowsAnonymous: boolean },
): Exposure {
  if (requiresKeys || (host !== undefined && isLoopback(host))) {
    return { host: host ?? ANY_ADDRESS, warning: undefined };
  }
  if (allowsAnonymous) {
    return {
      host: host ?? ANY_ADDRESS,
      warning:
        'ALLOW_ANONYMOUS is set and there are no API keys: everybody who reaches this node may do everything.',
    };
  }
  return {
    host: '127.0.0.1',
    warning:
      'There are no API keys, so this node listens on 127.0.0.1 only. Set API_KEYS_FILE or API_KEYS to ask callers for keys, or ALLOW_ANONYMOUS=1 to let everybody do everything.',
  };
}

const ANY_ADDRESS = '0.0.0.0';
