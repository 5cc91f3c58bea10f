import { render } from 'preact';
import { App } from './app/app.js';
import { applyZone } from './app/preferred-zone.js';
import { startRouter } from './app/router.js';
import { applyTheme } from './app/theme.js';
import { startLive } from './data/live.js';
import { startStream } from './data/stream.js';
import './styles/base.css';
import './styles/frame.css';
import './styles/parts.css';

applyTheme();
applyZone();
startRouter();
startLive();
startStream();
const root = document.getElementById('app');
if (root) render(<App />, root);
