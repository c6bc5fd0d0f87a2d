import fc from 'fast-check'

const digits = (length: number) =>
  fc.array(fc.constantFrom(...'0123456789'), { minLength: 1, maxLength: length }).map((all) => all.join(''))

/** Plain decimals of any length, now and then zero, now and then longer than anybody's. */
export const decimal = fc
  .tuple(fc.constantFrom(2, 6, 20), fc.constantFrom(0, 2, 8, 18, 19))
  .chain(([whole, places]) =>
    fc.tuple(digits(whole), places === 0 ? fc.constant('') : digits(places).map((text) => `.${text}`)),
  )
  .map(([whole, fraction]) => whole.replace(/^0+(?=\d)/, '') + fraction)
