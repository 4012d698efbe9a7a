import { type IncomingHttpHeaders, METHODS } from 'node:http';
import { isIP } from 'node:net';
import { hostname } from 'node:os';
import { Problem } from '@syncline/contracts';
import type { NodeConfig } from '../node/node.config.js';

/** Methods without side effects. */
const SAFE = new Set(['GET', 'HEAD', 'OPTIONS', 'TRACE']);
const CHANGING = new Set(METHODS.filter((method) => !SAFE.has(method)));

/** How all of them begin to name themselves. */
const BROWSER = /^(Mozilla|Opera)\//i;

interface Head {
  readonly method?: string | undefined;
  readonly headers: IncomingHttpHeaders;
}

/**
 * Refuses requests that a web page of another site makes a browser send. Browsers send simple requests to any address
 * without a preflight (CSRF), and treat a host name that the attacker points at a node as the page's own site (DNS
 * rebinding). Without API keys nothing else distinguishes these requests.
 */
export class CrossSiteProtection {
  private readonly anyHost: boolean;
  private readonly hosts: ReadonlySet<string>;
  private readonly domains: readonly string[];

  constructor(config: Pick<NodeConfig, 'allowedHosts' | 'requiresKeys' | 'peers' | 'url'>) {
    const { allowedHosts, requiresKeys, peers, url } = config;
    // A page does not know an API key, so with keys any host name is safe.
    this.anyHost = allowedHosts?.includes('*') ?? requiresKeys;
    const urls = [...peers.map((peer) => peer.url), ...(url === undefined ? [] : [url])];
    const own = [hostname().toLowerCase(), ...urls.map((each) => new URL(each).hostname)];
    const given = allowedHosts ?? [];
    this.hosts = new Set([...own, ...given]);
    this.domains = given.filter((host) => host.startsWith('*.')).map((host) => host.slice(1));
  }

  /** @throws Problem `forbidden` */
  check({ method = '', headers }: Head): void {
    const { host } = headers;
    if (!this.anyHost && host !== undefined && !this.isOwnHost(nameIn(host))) {
      throw new Problem(
        'forbidden',
        `This node does not serve the Host ${host.slice(0, 256)}. Add it to ALLOWED_HOSTS, or call the node by its address.`,
      );
    }
    if (CHANGING.has(method) && isFromOtherSite(headers)) throw fromOtherSite();
  }

  /**
   * Judges a GET that changes something, such as those of SQS. A page makes browsers send it without `Origin`, and without `Sec-Fetch-Site`
   * to an address that is neither local nor HTTPS.
   *
   * @throws Problem `forbidden`
   */
  checkChange({ headers }: Pick<Head, 'headers'>): void {
    const mayBeFromPage =
      headers['sec-fetch-site'] === undefined && BROWSER.test(headers['user-agent'] ?? '');
    if (mayBeFromPage || isFromOtherSite(headers)) throw fromOtherSite();
  }

  private isOwnHost(name: string): boolean {
    return (
      cannotBeRegistered(name) || this.hosts.has(name) || this.domains.some((domain) => name.endsWith(domain))
    );
  }
}

/** Addresses, localhost, and names without a dot: an attacker cannot register them and point them at a node. */
const cannotBeRegistered = (name: string): boolean =>
  isIP(name) !== 0 || !name.includes('.') || name.endsWith('.localhost');

/** The name in a `Host` header, in lower case, without port, brackets and the trailing dot. */
function nameIn(host: string): string {
  const [, bracketed, plain = ''] = /^(?:\[([^\]]*)\]|([^:]*))(?::\d*)?$/.exec(host) ?? [];
  return (bracketed ?? plain.replace(/\.$/, '')).toLowerCase() || host;
}

const fromOtherSite = () =>
  new Problem(
    'forbidden',
    'A web page of another site sent this request, according to Origin, Sec-Fetch-Site or User-Agent. Such pages may only read.',
  );

/** Browsers always send the origin of a changing request: newer ones in `Sec-Fetch-Site`, all of them in `Origin`. */
function isFromOtherSite({ 'sec-fetch-site': site, origin, host }: IncomingHttpHeaders): boolean {
  if (site !== undefined) return site !== 'same-origin' && site !== 'none';
  if (origin === undefined) return false;
  return !URL.canParse(origin) || new URL(origin).host !== host?.toLowerCase();
}
