import type pg from 'pg';
import { asSyncedTablesError, syncedTablesError } from '../core/errors.js';
import type { Finding } from '../core/finding.js';
import { quoteIdentifier } from '../core/names.js';
import { type OwnSchema, pendingMigrations } from '../postgres/install/migrate.js';
import { SYNC_ROLE } from '../postgres/session/session.js';
import {
  type InstallationFacts,
  readGuardDamage,
  readGuardMode,
  readInstallationFacts,
  readMissingRights,
  readPublications,
  readTableProtection,
} from './facts/guard-facts.js';
import { readDecodingSlots, readLongTransactions, readServerFacts } from './facts/server-facts.js';
import { errorFinding, finding } from './finding.js';

const TRANSACTION_MINUTES_LONG = 10;

/** What is installed in a database, and what the login role may do there. */
export interface InstallationExamination {
  readonly findings: readonly Finding[];
  /** Whether there is a queue to look at. */
  readonly isInstalled: boolean;
  /** Whether functions and views are those of this release. */
  readonly isCurrent: boolean;
  /** Whether the session may act as databricks_sync, and so read the whole queue. */
  readonly maySync: boolean;
  readonly isSuperuser: boolean;
  readonly walLevel: string;
}

/**
 * Examines whether the SQL side is installed in a database, and who the login role is there.
 * @param own from `readOwnSchema`
 */
export async function examineInstallation(
  client: pg.Client,
  subject: string,
  own: Promise<OwnSchema>,
): Promise<InstallationExamination> {
  const facts = await readInstallationFacts(client);
  const { role, isSuperuser, walLevel } = await readServerFacts(client);
  const maySync = facts.maySync || (isSuperuser && !facts.missingRoles.includes(SYNC_ROLE));
  const strange = finding('ROLE_NOT_SIDECAR', subject, { role, grantee: quoteIdentifier(role) });
  const absent = { isInstalled: false, isCurrent: false, maySync: false, isSuperuser, walLevel };
  if (facts.hasSchema && !facts.isReadable) return { ...absent, findings: [strange] };
  const {
    isInstalled,
    isCurrent = false,
    ...installation
  } = await checkInstallation(client, subject, { isSuperuser, own });
  if (!isInstalled) return { ...absent, findings: installation.findings };
  const findings = [...checkEncoding(facts, subject), ...installation.findings];
  findings.push(...checkExtension(facts, subject), ...checkRoles(facts, subject));
  findings.push(maySync ? finding('ROLE_READY', subject, { role }) : strange);
  return { findings, isInstalled, isCurrent, maySync, isSuperuser, walLevel };
}

/** Examines what protects synced tables, what stands in the way of their updates, and whether they are replicated. */
export async function examineGuard(
  client: pg.Client,
  subject: string,
  { maySync, isSuperuser, isCurrent, walLevel }: InstallationExamination,
): Promise<Finding[]> {
  const findings: Finding[] = [];
  // An administrator's membership may be one that he inherits nothing of.
  const isActing = maySync && !isSuperuser;
  if (isActing) await client.query(`set role ${SYNC_ROLE}`);
  findings.push(...(await checkGuard(client, subject, maySync)));
  const slots = walLevel === 'logical' ? await readDecodingSlots(client) : [];
  if (slots.length > 0) findings.push(finding('WAL_LEVEL_LOGICAL', subject, { slots: slots.join(', ') }));
  if (maySync && isCurrent) {
    findings.push(...(await checkRights(client, subject)), ...(await checkPublications(client, subject)));
  }
  if (isActing) await client.query('reset role');
  for (const long of await readLongTransactions(client, TRANSACTION_MINUTES_LONG)) {
    findings.push(finding('LONG_TRANSACTION', subject, { ...long }));
  }
  return findings;
}

async function checkInstallation(
  client: pg.Client,
  subject: string,
  { isSuperuser, own }: { readonly isSuperuser: boolean; readonly own: Promise<OwnSchema> },
): Promise<{ findings: Finding[]; isInstalled: boolean; isCurrent?: boolean }> {
  try {
    const { applied, pending, isLayerOutdated } = await pendingMigrations(client, own);
    if (applied === 0) {
      const error = syncedTablesError('DATABASE_NOT_MIGRATED', { database: subject });
      // A superuser's sidecar installs it at start.
      return { findings: [errorFinding(error, subject, isSuperuser ? 'warning' : 'error')], isInstalled: false };
    }
    if (pending > 0) return { findings: [finding('DATABASE_BEHIND', subject, { pending })], isInstalled: true };
    const found = isLayerOutdated
      ? finding('FUNCTIONS_BEHIND', subject)
      : finding('DATABASE_READY', subject, { migrations: applied - 1 });
    return { findings: [found], isInstalled: true, isCurrent: !isLayerOutdated };
  } catch (error) {
    const known = asSyncedTablesError(error);
    if (!known) throw error;
    return { findings: [errorFinding(known, subject)], isInstalled: known.code !== 'DATABASE_ENCODING_UNSUPPORTED' };
  }
}

const RIGHTS_SHOWN_MAX = 10;

async function checkRights(client: pg.Client, subject: string): Promise<Finding[]> {
  const missing = await readMissingRights(client);
  if (missing.length === 0) return [];
  const more = missing.length > RIGHTS_SHOWN_MAX ? `, and ${missing.length - RIGHTS_SHOWN_MAX} more` : '';
  return [finding('RIGHTS_MISSING', subject, { rights: missing.slice(0, RIGHTS_SHOWN_MAX).join(', ') + more })];
}

async function checkPublications(client: pg.Client, subject: string): Promise<Finding[]> {
  const publications = await readPublications(client);
  return publications.flatMap(({ publication, stopped, hasRefreshes }) => [
    ...(stopped.length > 0 ? [finding('IDENTITY_MISSING', subject, { publication, tables: stopped.join(', ') })] : []),
    ...(hasRefreshes ? [finding('REFRESHES_PUBLISHED', subject, { publication })] : []),
  ]);
}

function checkEncoding({ encoding }: InstallationFacts, subject: string): Finding[] {
  if (encoding === 'UTF8') return [];
  return [finding(encoding === 'SQL_ASCII' ? 'ENCODING_UNCHECKED' : 'ENCODING_NOT_UTF8', subject, { encoding })];
}

function checkExtension(facts: InstallationFacts, subject: string): Finding[] {
  const { extensionInstalled: installed, extensionAvailable: available } = facts;
  if (installed === null || available === null || installed === available) return [];
  return [finding('EXTENSION_BEHIND', subject, { installed, available })];
}

function checkRoles({ missingRoles, isSyncSuperuser }: InstallationFacts, subject: string): Finding[] {
  const missing = missingRoles.map((role) => finding('ROLE_MISSING', subject, { role }));
  return isSyncSuperuser ? [...missing, finding('ROLE_TOO_STRONG', subject)] : missing;
}

/**
 * Anybody can see event triggers; the protection of each table is visible only to roles that may act as
 * databricks_sync.
 */
async function checkGuard(client: pg.Client, subject: string, maySync: boolean): Promise<Finding[]> {
  const guard = await readGuardMode(client);
  const isByOwnership = guard?.mode === 'by ownership';
  const damage = isByOwnership ? [] : await readGuardDamage(client);
  const tables = maySync ? await readTableProtection(client) : [];
  const unprotected = tables
    .filter((table) => table.damage.length > 0)
    .map((table) => finding('TABLE_UNPROTECTED', `${subject} ${table.table}`, { parts: table.damage.join('; ') }));
  if (damage.length > 0) return [finding('GUARD_DAMAGED', subject, { parts: damage.join('; ') }), ...unprotected];
  const memberships = (guard?.missingMemberships ?? []).map((missing) =>
    finding('MEMBERSHIP_MISSING', subject, { ...missing }),
  );
  if (!maySync) return memberships;
  const sound = { tables: tables.length - unprotected.length };
  const ready = isByOwnership
    ? finding('GUARD_BY_OWNERSHIP', subject, { ...sound, role: guard.installer })
    : finding('GUARD_READY', subject, sound);
  return [ready, ...unprotected, ...memberships];
}
