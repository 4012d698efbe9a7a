import { defineConfig } from 'vite';

export default defineConfig({
  // Relative, so that the page works under any path of a proxy.
  base: './',
  build: {
    outDir: '../../dist/console',
    emptyOutDir: true,
    modulePreload: false,
    reportCompressedSize: false,
  },
  oxc: { jsx: { importSource: 'preact' } },
});
