import { createPrivateKey, X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createSecureContext, type SecureContextOptions } from 'node:tls';

/** Paths of the certificate, with its chain, and of the private key of a node, in PEM. */
export interface TlsFiles {
  readonly cert: string;
  readonly key: string;
  /** Of the authorities that certify clients; undefined: clients are not asked for certificates. */
  readonly clientCa?: string | undefined;
}

/** Files that no node can serve HTTPS with. The message tells in one line what is wrong, and nothing of what is in them. */
export class InvalidCertificate extends Error {
  override readonly name = 'InvalidCertificate';
}

/**
 * Reads the files and checks that they fit.
 *
 * @throws InvalidCertificate
 */
export function readCertificate(files: TlsFiles): SecureContextOptions {
  const cert = read(files.cert);
  const key = read(files.key);
  const certificate = parsed(() => new X509Certificate(cert), `${files.cert} has no certificate in PEM`);
  const privateKey = parsed(
    () => createPrivateKey(key),
    `${files.key} has no private key in PEM without a passphrase`,
  );
  if (!certificate.checkPrivateKey(privateKey)) {
    throw new InvalidCertificate(`the certificate in ${files.cert} is not of the key in ${files.key}`);
  }
  const options: SecureContextOptions = {
    cert,
    key,
    minVersion: 'TLSv1.2',
    ...(files.clientCa !== undefined && { ca: readAuthorities(files.clientCa) }),
  };
  // OpenSSL refuses more than this, such as keys that are too short.
  parsed(() => createSecureContext(options), `${files.cert} and ${files.key} cannot be used for TLS`);
  return options;
}

function readAuthorities(path: string): string {
  const ca = read(path);
  parsed(() => new X509Certificate(ca), `${path} has no certificate in PEM`);
  return ca;
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw new InvalidCertificate(`cannot read the file ${path} (${(error as NodeJS.ErrnoException).code})`);
  }
}

function parsed<Result>(parse: () => Result, otherwise: string): Result {
  try {
    return parse();
  } catch {
    throw new InvalidCertificate(otherwise);
  }
}
