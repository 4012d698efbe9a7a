import { fetchValue } from '../../value.js';

export const generateStaticParams = () => [];

export default async function Post({ params }) {
  const { id } = await params;
  return <p>{await fetchValue(`posts-${id}`, { tags: ['posts'] })}</p>;
}
