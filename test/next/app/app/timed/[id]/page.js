import { fetchValue } from '../../value.js';

export const revalidate = 1;
export const generateStaticParams = () => [];

export default async function Timed({ params }) {
  const { id } = await params;
  return <p>{await fetchValue(`timed-${id}`, { revalidate: 1 })}</p>;
}
