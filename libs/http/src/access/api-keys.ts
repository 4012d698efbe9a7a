import type { IncomingHttpHeaders } from 'node:http';
import { Inject, Injectable, Logger, type OnModuleInit } from '@nestjs/common';
import { type ApiKeysFile, InvalidKeysFile, Problem, realmOf } from '@syncline/contracts';
import { Tenants } from '@syncline/runtime';
import { Usage } from '../limits/key-usage.js';
import { NODE_CONFIG, type NodeConfig } from '../node/node.config.js';
import { watchFiles } from '../node/watch-files.js';
import { clientCertificateOf } from '../tls/client-certificate.js';
import { Caller, type CallerKey } from './caller.js';
import { digestIn, digestOf, readKeysFile } from './keys-file.js';
import { ALL_GRANTS, GRANTS_OF_RIGHT, Rights } from './rights.js';

/** A key, by one of its secrets or of its certificates. */
interface KnownKey extends CallerKey {
  readonly rights: Rights;
  /** Ms since 1970. */
  readonly expiresAt: number;
}

/** A key whose secret is known in clear. */
export interface SigningKey {
  readonly secrets: readonly string[];
  readonly caller: Caller;
}

/** The API keys of this node. Without `API_KEYS` and `API_KEYS_FILE` every caller may do everything. */
@Injectable()
export class ApiKeys implements OnModuleInit {
  /**
   * By digest of a secret, or by name in a certificate. Secrets are long and random, so nobody can guess one that its digest resembles, and the time of a look-up
   * tells nothing: see `docs/decisions/access.md`.
   */
  private known: ReadonlyMap<string, KnownKey>;
  /** Of the file, when it was read last. */
  private text: string | undefined;
  private readonly logger = new Logger(ApiKeys.name);
  /** By name of the key. */
  private usages: ReadonlyMap<string, Usage> = new Map();
  private tenants: ReadonlyMap<string, Usage> = new Map();
  /** Secrets that are known in clear, by name of the key. */
  private clear: ReadonlyMap<string, readonly string[]> = new Map();
  /** Everybody, on a node without keys. */
  readonly anonymous: Caller;

  constructor(
    @Inject(NODE_CONFIG) private readonly config: NodeConfig,
    private readonly stocks: Tenants,
  ) {
    const { apiKeysFile, role } = config;
    this.text = apiKeysFile?.text;
    this.known = this.toKnown(apiKeysFile);
    const everything = Rights.of(role, ALL_GRANTS, '');
    this.anonymous = new Caller(
      { name: null, tenant: null, realm: '', usage: new Usage('', '', {}) },
      () => everything,
    );
  }

  onModuleInit(): void {
    const { apiKeysFile } = this.config;
    if (apiKeysFile === undefined) return;
    const readAgain = () => this.readAgain(apiKeysFile);
    watchFiles([apiKeysFile.path], readAgain);
    // It may have changed while the node started.
    readAgain();
  }

  /**
   * The caller of a request: by `Authorization: Bearer SECRET` or `X-Api-Key: SECRET`, and without a secret by the certificate
   * of its connection.
   *
   * @throws Problem `unauthenticated` when the request has no known key
   */
  callerOf(request: { headers: IncomingHttpHeaders; socket: object }): Caller {
    if (!this.config.requiresKeys) return this.anonymous;
    const { headers, socket } = request;
    const secret = secretIn(headers);
    return this.callerBy(secret === '' ? (proofOf(request) ?? this.proofIn(socket)) : digestOf(secret));
  }

  /** Of each secret of a key that is in force: what {@link setProof} takes. */
  proofsOf(name: string): readonly string[] {
    return [...this.known]
      .filter(
        ([proof, key]) => key.name === name && !proof.startsWith(CERTIFICATE) && key.expiresAt > Date.now(),
      )
      .map(([proof]) => proof);
  }

  /** The proof and the name of a key by its secret; undefined: no key in force has it. */
  keyOf(secret: string): { readonly proof: string; readonly name: string } | undefined {
    const proof = digestOf(secret);
    const name = this.inForce(proof)?.name;
    return name === undefined || name === null ? undefined : { proof, name };
  }

  private callerBy(proof: string | undefined): Caller {
    const key = proof === undefined ? undefined : this.inForce(proof);
    if (proof === undefined || key === undefined) {
      throw new Problem(
        'unauthenticated',
        'Send a valid API key as "Authorization: Bearer SECRET" or "X-Api-Key: SECRET".',
      );
    }
    return new Caller(key, () => this.inForce(proof)?.rights ?? Rights.none);
  }

  /** The name of a key in the certificate of a client. */
  private proofIn(socket: object): string | undefined {
    const certificate = clientCertificateOf(socket);
    if (certificate === null || certificate.validUntil <= Date.now()) return undefined;
    return certificate.names.map(certified).find((proof) => this.known.has(proof));
  }

  get areRequired(): boolean {
    return this.config.requiresKeys;
  }

  /**
   * A key by its name, for callers who prove that they know its secret without sending it: a signature cannot be
   * compared with the digest of a secret. So only keys whose secrets stand in clear in the configuration can be used so.
   */
  signingKey(name: string): SigningKey | undefined {
    const secrets = (this.clear.get(name) ?? []).filter((secret) => this.inForce(digestOf(secret)));
    const [first] = secrets;
    return first === undefined ? undefined : { secrets, caller: this.callerBy(digestOf(first)) };
  }

  /** What the keys that were used have used, in the order of the configuration. */
  get inUse(): readonly Usage[] {
    return [...this.usages.values()].filter(({ requests }) => requests > 0);
  }

  private inForce(proof: string): KnownKey | undefined {
    const key = this.known.get(proof);
    return key === undefined || key.expiresAt <= Date.now() ? undefined : key;
  }

  private readAgain({ path }: { readonly path: string }): void {
    try {
      const file = readKeysFile(path);
      if (file.text === this.text) return;
      this.text = file.text;
      this.known = this.toKnown(file);
      this.logger.log(`Read ${file.keys.length} API keys from ${path}.`);
    } catch (error) {
      if (!(error instanceof InvalidKeysFile)) throw error;
      this.logger.error(`The API keys stay as they are: ${path}: ${error.message}.`);
    }
  }

  private toKnown({
    keys,
    tenants,
  }: Pick<ApiKeysFile, 'keys' | 'tenants'> = NOTHING): ReadonlyMap<string, KnownKey> {
    const { apiKeys, role } = this.config;
    const fromVariable = apiKeys.map(({ name, secret, right }) => ({
      name,
      secrets: [{ secret, hash: undefined, expiresAt: undefined }],
      grants: GRANTS_OF_RIGHT[right],
      certificates: undefined,
      quotas: undefined,
      tenant: undefined,
    }));
    const all = [...fromVariable, ...keys];
    this.stocks.replace(tenants);
    const clear = new Map<string, string[]>();
    for (const { name, secrets } of all) {
      clear.set(name, [...(clear.get(name) ?? []), ...secrets.flatMap(({ secret = [] }) => secret)]);
    }
    this.clear = clear;
    // What a key has used counts on, whatever else changed.
    this.tenants = new Map(
      tenants.map(({ name, quotas = {} }) => {
        const usage = this.tenants.get(name) ?? new Usage(null, name, quotas);
        usage.quotas = quotas;
        return [name, usage];
      }),
    );
    this.usages = new Map(
      all.map(({ name, tenant = '', quotas = {} }) => {
        const before = this.usages.get(name);
        const usage = before?.tenant === tenant ? before : new Usage(name, tenant, quotas);
        usage.quotas = quotas;
        usage.ofTenant = this.tenants.get(tenant);
        return [name, usage];
      }),
    );
    return new Map(
      all.flatMap(({ name, secrets, certificates = [], grants, tenant }) => {
        const realm = realmOf(tenant);
        const rights = Rights.of(role, grants, realm);
        const usage = this.usages.get(name) as Usage;
        const until = (expiresAt: number): KnownKey => ({
          name,
          tenant: tenant ?? null,
          realm,
          usage,
          rights,
          expiresAt,
        });
        const bySecret = secrets.map((secret): [string, KnownKey] => [
          digestIn(secret),
          until(secret.expiresAt === undefined ? Number.POSITIVE_INFINITY : Date.parse(secret.expiresAt)),
        ]);
        const byCertificate = certificates.map((one): [string, KnownKey] => [
          certified(one),
          until(Number.POSITIVE_INFINITY),
        ]);
        return [...bySecret, ...byCertificate];
      }),
    );
  }
}

const PROOF = Symbol('proof');

/** Has a request without a secret count as one with it, because its caller proved before that it has it. */
export function setProof(request: object, proof: string): void {
  (request as { [PROOF]?: string })[PROOF] = proof;
}
const proofOf = (request: object): string | undefined => (request as { [PROOF]?: string })[PROOF];

const NOTHING = { keys: [], tenants: [] };
/** Apart from digests: whoever has a certificate may have chosen its names. */
const CERTIFICATE = 'certificate ';
const certified = (name: string): string => `${CERTIFICATE}${name}`;

function secretIn(headers: IncomingHttpHeaders): string {
  const bearer = /^Bearer (.+)$/i.exec(headers.authorization ?? '')?.[1];
  return bearer ?? headers['x-api-key']?.toString() ?? '';
}
