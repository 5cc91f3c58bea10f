import { generateKeyPairSync, type KeyObject, randomBytes, sign } from 'node:crypto';
import { isIPv4 } from 'node:net';

// Enough of X.509 for a TLS server and its clients in a test: Node makes keys, but no certificates.

const BOOLEAN = 0x01;
const INTEGER = 0x02;
const BIT_STRING = 0x03;
const OCTET_STRING = 0x04;
const OBJECT_ID = 0x06;
const UTF8_STRING = 0x0c;
const UTC_TIME = 0x17;
const SEQUENCE = 0x30;
const SET = 0x31;
const DNS_NAME = 0x82;
const IP_ADDRESS = 0x87;
const VERSION = 0xa0;
const EXTENSIONS = 0xa3;
const ECDSA_WITH_SHA256 = node(SEQUENCE, node(OBJECT_ID, Buffer.from('2a8648ce3d040302', 'hex')));
const COMMON_NAME = node(OBJECT_ID, Buffer.from('550403', 'hex'));
const ALTERNATIVE_NAMES = node(OBJECT_ID, Buffer.from('551d11', 'hex'));
const BASIC_CONSTRAINTS = node(OBJECT_ID, Buffer.from('551d13', 'hex'));
const MAY_SIGN = node(
  SEQUENCE,
  BASIC_CONSTRAINTS,
  node(BOOLEAN, Buffer.of(0xff)),
  node(OCTET_STRING, node(SEQUENCE, node(BOOLEAN, Buffer.of(0xff)))),
);

/** In PEM. */
export interface Certificate {
  readonly key: string;
  readonly cert: string;
}

interface Signer {
  readonly name: string;
  readonly key: KeyObject;
}

/** A key, and a certificate that it signs for itself and nobody else trusts. */
export function selfSignedCertificate(): Certificate {
  return makeCertificate({ name: '127.0.0.1' }).pem;
}

interface Wanted {
  readonly name: string;
  /** By whom; by itself unless it is given. */
  readonly signer?: Signer;
  /** Names and addresses beside it. */
  readonly alternatives?: readonly string[];
  readonly maySign?: boolean;
  /** Until it is no longer valid. */
  readonly days?: number;
}

/** A CA of a test's own. */
export function certificateAuthority(name: string): Certificate & {
  issue(wanted: Omit<Wanted, 'signer'>): Certificate;
} {
  const { pem, signer } = makeCertificate({ name, maySign: true });
  return { ...pem, issue: (wanted) => makeCertificate({ ...wanted, signer }).pem };
}

function makeCertificate({ name, signer, alternatives = [], maySign = false, days = 1 }: Wanted): {
  readonly pem: Certificate;
  readonly signer: Signer;
} {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'prime256v1' });
  const by = signer ?? { name, key: privateKey };
  const serial = node(INTEGER, Buffer.concat([Buffer.of(1), randomBytes(8)]));
  const validity = node(SEQUENCE, time(Math.min(-1, days - 1)), time(days));
  const subjectKey = publicKey.export({ type: 'spki', format: 'der' });
  const extensions = [
    ...(maySign ? [MAY_SIGN] : []),
    ...(alternatives.length > 0 ? [alternativeNames(alternatives)] : []),
  ];
  // Extensions came with the third version, which counts from 0.
  const isThird = extensions.length > 0;
  const signed = node(
    SEQUENCE,
    ...(isThird ? [node(VERSION, node(INTEGER, Buffer.of(2)))] : []),
    serial,
    ECDSA_WITH_SHA256,
    distinguished(by.name),
    validity,
    distinguished(name),
    subjectKey,
    ...(isThird ? [node(EXTENSIONS, node(SEQUENCE, ...extensions))] : []),
  );
  const signature = Buffer.concat([Buffer.of(0), sign('sha256', signed, by.key)]);
  const der = node(SEQUENCE, signed, ECDSA_WITH_SHA256, node(BIT_STRING, signature));
  const lines = der.toString('base64').replace(/(.{64})/g, '$1\n');
  const pem = {
    key: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    cert: `-----BEGIN CERTIFICATE-----\n${lines}\n-----END CERTIFICATE-----\n`,
  };
  return { pem, signer: { name, key: privateKey } };
}

function distinguished(name: string): Buffer {
  return node(SEQUENCE, node(SET, node(SEQUENCE, COMMON_NAME, node(UTF8_STRING, Buffer.from(name)))));
}

function alternativeNames(names: readonly string[]): Buffer {
  const each = names.map((name) =>
    isIPv4(name) ? node(IP_ADDRESS, Buffer.from(name.split('.').map(Number))) : node(DNS_NAME, Buffer.from(name)),
  );
  return node(SEQUENCE, ALTERNATIVE_NAMES, node(OCTET_STRING, node(SEQUENCE, ...each)));
}

function time(days: number): Buffer {
  const at = new Date(Date.now() + days * 86_400_000);
  return node(UTC_TIME, Buffer.from(`${at.toISOString().replace(/[-:T]/g, '').slice(2, 14)}Z`));
}

/** One value in DER. */
function node(tag: number, ...parts: readonly Buffer[]): Buffer {
  const body = Buffer.concat(parts);
  const { length } = body;
  const size = length < 128 ? [length] : length < 256 ? [0x81, length] : [0x82, length >> 8, length & 0xff];
  return Buffer.concat([Buffer.of(tag, ...size), body]);
}
