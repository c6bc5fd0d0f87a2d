/** Tests that take minutes run on demand: `npm run test:long`. */
export const LONG = process.env['LONG'] !== undefined
if (!LONG) process.stderr.write('a test of minutes is skipped: npm run test:long runs it\n')
