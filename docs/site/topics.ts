/** The sidebar: topics, and in each the titles of its pages by the path of their Markdown, with a heading where that is one of its own. */
export const TOPICS: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  Start: {
    Overview: 'README.md',
    Install: 'docs/install.md',
    'In your process or as a service': 'docs/embedded.md#in-your-process-or-as-a-service',
    Examples: 'examples/README.md',
    Glossary: 'docs/glossary.md',
  },
  Features: {
    Locks: 'docs/features/locks.md',
    Semaphores: 'docs/features/semaphores.md',
    'Sessions and elections': 'docs/features/sessions.md',
    Queues: 'docs/features/queues.md',
    Workers: 'docs/features/workers.md',
    Schedules: 'docs/features/schedules.md',
    Caches: 'docs/features/caches.md',
  },
  Use: {
    'TypeScript client': 'docs/client.md',
    'In your process': 'docs/embedded.md',
    'Nest and Keyv': 'docs/nestjs.md',
    'Next.js': 'docs/next.md',
    Traces: 'docs/tracing.md',
    'Command line': 'docs/cli.md',
    SQS: 'docs/sqs.md',
    Console: 'docs/console.md',
  },
  'Promises and limits': {
    Guarantees: 'docs/guarantees.md',
    'What survives a crash': 'docs/guarantees.md#what-survives',
    'What is not promised': 'docs/guarantees.md#what-is-not-promised',
    'Fencing tokens': 'docs/fencing.md',
    'Time constants': 'docs/liveness.md',
  },
  Operate: {
    'Start and configure': 'docs/operations.md',
    'Which Redis': 'docs/operations.md#redis',
    Security: 'docs/security.md',
    'Metrics and dashboards': 'docs/operations.md#what-to-watch',
    Runbooks: 'docs/operations.md#dashboards-and-alerts',
    Troubles: 'docs/operations.md#troubles',
  },
  Performance: {
    'How fast it is, and why': 'docs/performance.md',
    'All results': 'benchmarks/RESULTS.md',
    'How we measure': 'benchmarks/README.md',
  },
  'Coming from': {
    BullMQ: 'docs/coming-from/bullmq.md',
    redlock: 'docs/coming-from/redlock.md',
    'Bentocache, cache-manager': 'docs/coming-from/bentocache.md',
    'Amazon SQS': 'docs/coming-from/sqs.md',
    Redisson: 'docs/coming-from/redisson.md',
    Consul: 'docs/coming-from/consul.md',
  },
  Reference: {
    'Classes, options and errors': 'docs/reference/client.md',
    Changelog: 'CHANGELOG.md',
  },
  Inside: {
    Architecture: 'docs/architecture.md',
    Decisions: 'docs/decisions/README.md',
    Contributing: 'CONTRIBUTING.md',
  },
};

/** Where the site has a page: `docs/client.md` is `client.md`, the page of the repository is its home. */
export const pathOnSite = (path: string): string =>
  path.replace(/^docs\//, '').replace(/(^|\/)README\.md$/, '$1index.md');

/** The fragment of a heading, as hosts of repositories make it. */
export const fragmentOf = (heading: string): string =>
  heading
    .trim()
    .toLowerCase()
    .replace(/[^\p{L}\p{N}\s_-]/gu, '')
    .replace(/\s/g, '-');
