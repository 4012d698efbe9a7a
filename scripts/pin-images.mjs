// npm run pin-images: pins the images of Dockerfile and docker-compose.yml to the digests that their tags have now, and prints what it
// changed. It asks the registry (REGISTRY, else Docker Hub) for the digest of the list for all platforms.
import { readFileSync, writeFileSync } from 'node:fs';

const FILES = ['Dockerfile', 'docker-compose.yml'];
/** `FROM name:tag` and `image: name:tag`, with or without a digest; names without a tag are images that are built here. */
const IMAGE = /^(\s*(?:FROM|image:) )([a-z][\w./-]*:[\w.-]+)(?:@sha256:[0-9a-f]{64})?(?=\s|$)/gm;
const LISTS = [
  'application/vnd.oci.image.index.v1+json',
  'application/vnd.docker.distribution.manifest.list.v2+json',
].join();

const registry = process.env.REGISTRY ?? 'https://registry-1.docker.io';

/** @returns such as `sha256:...` */
async function digestOf(image) {
  const [name, tag] = image.split(':');
  const repository = name.includes('/') ? name : `library/${name}`;
  const ask = (headers) =>
    fetch(`${registry}/v2/${repository}/manifests/${tag}`, {
      method: 'HEAD',
      headers: { accept: LISTS, ...headers },
    });
  let answer = await ask({});
  if (answer.status === 401) {
    const challenge = answer.headers.get('www-authenticate') ?? '';
    const { realm, ...query } = Object.fromEntries(
      [...challenge.matchAll(/(\w+)="([^"]*)"/g)].map(([, key, value]) => [key, value]),
    );
    const { token } = await (await fetch(`${realm}?${new URLSearchParams(query)}`)).json();
    answer = await ask({ authorization: `Bearer ${token}` });
  }
  const digest = answer.headers.get('docker-content-digest');
  if (!answer.ok || !/^sha256:[0-9a-f]{64}$/.test(digest ?? '')) {
    throw new Error(`The registry has no digest of ${image}: HTTP ${answer.status}`);
  }
  return digest;
}

const texts = FILES.map((file) => readFileSync(file, 'utf8'));
const images = new Set(texts.flatMap((text) => [...text.matchAll(IMAGE)].map(([, , image]) => image)));
const digests = new Map(await Promise.all([...images].map(async (image) => [image, await digestOf(image)])));
FILES.forEach((file, i) => {
  writeFileSync(
    file,
    texts[i].replaceAll(IMAGE, (_, before, image) => `${before}${image}@${digests.get(image)}`),
  );
});
for (const [image, digest] of digests) console.log(`${image}@${digest}`);
