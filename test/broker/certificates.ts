import { execFileSync, spawnSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/** Certificates for tests, made by openssl: authorities that nobody knows, and what they sign. */

export const HAS_OPENSSL = spawnSync('openssl', ['version']).error === undefined

export type Authority = {
  /** What whoever trusts it must know, as PEM text. */
  readonly ca: string
  readonly caFile: string
  /** A file with a key and a certificate for it, valid for that host: `IP:127.0.0.1`, `DNS:kafka.example`. */
  sign(host: string): string
}

const NEW_KEY = '-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes'.split(' ')
const DAYS = ['-days', '2']

export function openAuthority(dir: string, name: string): Authority {
  const [caFile, caKey] = [join(dir, `${name}.pem`), join(dir, `${name}.key`)]
  openssl('req', '-x509', ...NEW_KEY, '-keyout', caKey, '-out', caFile, ...DAYS, '-subj', `/CN=${name}`)
  const ca = readFileSync(caFile, 'utf8')
  let signed = 0

  function sign(host: string): string {
    signed += 1
    const path = (ending: string) => join(dir, `${name}-${signed}.${ending}`)
    writeFileSync(path('cnf'), `subjectAltName=${host}`)
    openssl('req', ...NEW_KEY, '-keyout', path('key'), '-out', path('csr'), '-subj', `/CN=broker-${signed}`)
    const by = ['-CA', caFile, '-CAkey', caKey, '-CAcreateserial']
    openssl('x509', '-req', '-in', path('csr'), ...by, ...DAYS, '-extfile', path('cnf'), '-out', path('crt'))
    writeFileSync(
      path('pem'),
      [path('key'), path('crt')].map((file) => readFileSync(file, 'utf8')).join('') + ca,
    )
    return path('pem')
  }

  return { ca, caFile, sign }
}

function openssl(...args: string[]): void {
  execFileSync('openssl', args, { stdio: 'pipe' })
}
