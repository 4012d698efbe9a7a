import { render } from 'preact';
import { App } from './app.js';
import { listenToKeys } from './keyboard.js';
import { show } from './parts/outcome.js';
import { askSession } from './state/api.js';
import { listen } from './state/live.js';
import './style.css';

/** A session ends after an hour; while the page is open it goes on. */
const PROLONG_MS = 10 * 60_000;

const ask = () => askSession().catch((error: Error) => show(error.message, true));
void ask();
setInterval(ask, PROLONG_MS);
listen();
listenToKeys();
const page = document.getElementById('page');
if (page !== null) render(<App />, page);
