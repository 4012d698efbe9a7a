/** What a database would tell. */
export async function fetchValue(name, next) {
  const answer = await fetch(`${process.env.ORIGIN}/${name}`, next ? { next } : { cache: 'no-store' });
  return `value:${await answer.text()};`;
}
