import { TLSSocket } from 'node:tls';

/** What an authority of `TLS_CLIENT_CA` certified of a client. */
export interface ClientCertificate {
  /** Its alternative names: of DNS, in lower case, and URIs. */
  readonly names: readonly string[];
  /** Ms since 1970. */
  readonly validUntil: number;
}

const known = new WeakMap<object, ClientCertificate | null>();

/** The certificate of the client at the other end of a connection; null: it has none that counts. */
export function clientCertificateOf(socket: object): ClientCertificate | null {
  let certificate = known.get(socket);
  if (certificate === undefined) {
    certificate = read(socket);
    known.set(socket, certificate);
  }
  return certificate;
}

function read(socket: object): ClientCertificate | null {
  if (!(socket instanceof TLSSocket) || !socket.authorized) return null;
  const certificate = socket.getPeerX509Certificate();
  if (certificate === undefined) return null;
  return { names: namesIn(certificate.subjectAltName), validUntil: Date.parse(certificate.validTo) };
}

/** @param text as in `DNS:a.example, URI:spiffe://b/c`. Node puts what is not that plain in quotes: such a certificate names nobody. */
function namesIn(text = ''): string[] {
  if (text.includes('"')) return [];
  return text.split(', ').flatMap((entry) => {
    const [, kind, name = ''] = /^(DNS|URI):(.+)$/.exec(entry) ?? [];
    return kind === undefined ? [] : [kind === 'DNS' ? name.toLowerCase() : name];
  });
}
