import { render } from 'preact';
import { App } from './app/app.js';
import { startRouter } from './app/router.js';
import { applyTheme } from './app/theme.js';
import { startLive } from './data/live.js';
import { startStream } from './data/stream.js';
import './styles/base.css';
import './styles/frame.css';
import './styles/parts.css';

applyTheme();
startRouter();
startLive();
startStream();
const root = document.getElementById('app');
if (root) render(<App />, root);
