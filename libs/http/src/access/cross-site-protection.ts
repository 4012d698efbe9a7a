import { type IncomingHttpHeaders, METHODS } from 'node:http';
import { isIP } from 'node:net';
import { hostname } from 'node:os';
import { Problem } from '@syncline/contracts';
import type { NodeConfig } from '../node/node.config.js';

/** Methods that change nothing. */
const SAFE = new Set(['GET', 'HEAD', 'OPTIONS', 'TRACE']);
const CHANGING = new Set(METHODS.filter((method) => !SAFE.has(method)));

interface Head {
  readonly method?: string | undefined;
  readonly headers: IncomingHttpHeaders;
}

/**
 * Turns away what a page of another site has a browser send. Browsers send simple requests to any address without
 * asking, and take a name that such a page points at a node for the page's own: without API keys nothing else would
 * tell these requests from others.
 */
export class CrossSiteProtection {
  private readonly anyHost: boolean;
  private readonly hosts: ReadonlySet<string>;
  private readonly domains: readonly string[];

  constructor(config: Pick<NodeConfig, 'allowedHosts' | 'apiKeys' | 'peers' | 'url'>) {
    const { allowedHosts, apiKeys, peers, url } = config;
    // A page knows no key, so whatever name it found the node by is of no use to it.
    this.anyHost = allowedHosts?.includes('*') ?? apiKeys.length > 0;
    const urls = [...peers.map((peer) => peer.url), ...(url === undefined ? [] : [url])];
    const own = [hostname().toLowerCase(), ...urls.map((each) => new URL(each).hostname)];
    const given = allowedHosts ?? [];
    this.hosts = new Set([...own, ...given]);
    this.domains = given.filter((host) => host.startsWith('*.')).map((host) => host.slice(1));
  }

  /** @throws Problem `forbidden` */
  check({ method = '', headers }: Head): void {
    const { host } = headers;
    if (!this.anyHost && host !== undefined && !this.answersTo(nameIn(host))) {
      throw new Problem(
        'forbidden',
        `This node does not answer to the Host ${host.slice(0, 256)}. Add its name to ALLOWED_HOSTS, or call the node by its address.`,
      );
    }
    if (CHANGING.has(method) && isFromOtherSite(headers)) {
      throw new Problem(
        'forbidden',
        'A page of another site asked for this: Origin or Sec-Fetch-Site says so. Pages may only look.',
      );
    }
  }

  private answersTo(name: string): boolean {
    return isOutOfReach(name) || this.hosts.has(name) || this.domains.some((domain) => name.endsWith(domain));
  }
}

/** Addresses, the machine itself, and names without a dot: nobody can register them and point them elsewhere. */
const isOutOfReach = (name: string): boolean =>
  isIP(name) !== 0 || !name.includes('.') || name.endsWith('.localhost');

/** The name in a `Host`: without port, brackets and the dot of the root, in small letters. */
function nameIn(host: string): string {
  const [, bracketed, plain = ''] = /^(?:\[([^\]]*)\]|([^:]*))(?::\d*)?$/.exec(host) ?? [];
  return (bracketed ?? plain.replace(/\.$/, '')).toLowerCase() || host;
}

/** Browsers tell truly where a request comes from: newer ones by `Sec-Fetch-Site`, all of them by `Origin`. */
function isFromOtherSite({ 'sec-fetch-site': site, origin, host }: IncomingHttpHeaders): boolean {
  if (site !== undefined) return site !== 'same-origin' && site !== 'none';
  if (origin === undefined) return false;
  return !URL.canParse(origin) || new URL(origin).host !== host?.toLowerCase();
}
