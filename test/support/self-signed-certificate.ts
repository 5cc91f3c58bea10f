import { generateKeyPairSync, randomBytes, sign } from 'node:crypto';

// Enough of X.509 for a TLS server of a test: Node makes keys, but no certificates.

const INTEGER = 0x02;
const BIT_STRING = 0x03;
const OBJECT_ID = 0x06;
const UTF8_STRING = 0x0c;
const UTC_TIME = 0x17;
const SEQUENCE = 0x30;
const SET = 0x31;
const ECDSA_WITH_SHA256 = node(SEQUENCE, node(OBJECT_ID, Buffer.from('2a8648ce3d040302', 'hex')));
const COMMON_NAME = node(OBJECT_ID, Buffer.from('550403', 'hex'));

/** A key, and a certificate that it signs for itself and nobody else trusts. */
export function selfSignedCertificate(): { readonly key: string; readonly cert: string } {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'prime256v1' });
  const name = node(SEQUENCE, node(SET, node(SEQUENCE, COMMON_NAME, node(UTF8_STRING, Buffer.from('127.0.0.1')))));
  const serial = node(INTEGER, Buffer.concat([Buffer.of(1), randomBytes(8)]));
  const validity = node(SEQUENCE, time(-1), time(1));
  const subjectKey = publicKey.export({ type: 'spki', format: 'der' });
  const signed = node(SEQUENCE, serial, ECDSA_WITH_SHA256, name, validity, name, subjectKey);
  const signature = Buffer.concat([Buffer.of(0), sign('sha256', signed, privateKey)]);
  const der = node(SEQUENCE, signed, ECDSA_WITH_SHA256, node(BIT_STRING, signature));
  const lines = der.toString('base64').replace(/(.{64})/g, '$1\n');
  return {
    key: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    cert: `-----BEGIN CERTIFICATE-----\n${lines}\n-----END CERTIFICATE-----\n`,
  };
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
