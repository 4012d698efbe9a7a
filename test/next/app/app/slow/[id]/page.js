import { setTimeout as sleep } from 'node:timers/promises';
import { fetchValue } from '../../value.js';

export const generateStaticParams = () => [];

export default async function Slow({ params }) {
  const { id } = await params;
  const value = await fetchValue(`slow-${id}`, { tags: ['posts'] });
  await sleep(2_000);
  return <p>{value}</p>;
}
