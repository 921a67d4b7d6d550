import { array, boolean, enum as oneOf, int, record, string, union, unknown } from 'zod';

/** What the settings use of the library, one by one: the whole of it takes as long to load as much of the rest of the program. */
export const z = { array, boolean, enum: oneOf, int, record, string, union, unknown };
