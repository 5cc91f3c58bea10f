// @ts-check
// Processor time of processes and servers, from /proc (Linux).
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** Clock ticks a second of /proc, the same on every Linux that Node runs on. */
const TICKS = 100;

/** Processor seconds of a process alone; null for one that has ended. */
export function cpuSeconds(/** @type {number} */ pid) {
  if (!existsSync(`/proc/${pid}/stat`)) return null;
  const fields = fieldsOf(pid);
  return (Number(fields[11]) + Number(fields[12])) / TICKS;
}

/** Processor seconds of a process and of those of its children that have ended. */
export function processorSecondsOf(/** @type {number} */ pid) {
  return [11, 12, 13, 14].reduce((sum, at) => sum + Number(fieldsOf(pid)[at]), 0) / TICKS;
}

/** Processor seconds of a server with its sessions: what has ended counts for the postmaster. */
export function processorSecondsOfServer(/** @type {number} */ postmaster) {
  for (;;) {
    const ended = secondsOfEnded(postmaster);
    const sum = processorSecondsOf(postmaster) + secondsOfChildren(postmaster);
    // A session that ended meanwhile would be counted twice, or not at all.
    if (secondsOfEnded(postmaster) === ended) return sum;
  }
}

function secondsOfEnded(/** @type {number} */ pid) {
  const fields = fieldsOf(pid);
  return (Number(fields[13]) + Number(fields[14])) / TICKS;
}

function secondsOfChildren(/** @type {number} */ postmaster) {
  let sum = 0;
  for (const entry of readdirSync('/proc')) {
    if (!/^\d+$/.test(entry)) continue;
    try {
      if (Number(fieldsOf(Number(entry))[1]) === postmaster) sum += processorSecondsOf(Number(entry));
    } catch (error) {
      // It ended between the two looks; the postmaster has its time.
      if (!['ENOENT', 'ESRCH'].includes(String(/** @type {any} */ (error).code))) throw error;
    }
  }
  return sum;
}

/** The first process of the server of a session, which must be on this machine. */
export async function postmasterOf(/** @type {import('pg').Client} */ client) {
  const { rows } = await client.query(`select current_setting('data_directory') as data`);
  return Number(readFileSync(join(rows[0].data, 'postmaster.pid'), 'utf8').split('\n')[0]);
}

/** Those after the name of the program, which may hold spaces. */
function fieldsOf(/** @type {number} */ pid) {
  return readFileSync(`/proc/${pid}/stat`, 'utf8')
    .replace(/^.*\) /s, '')
    .split(' ');
}
