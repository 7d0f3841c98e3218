// SPDX-License-Identifier: GPL-3.0-or-later
// How texts are sorted: "oslo2" before "oslo10". One for all, since making one costs more than a thousand comparisons.
export const collator = new Intl.Collator("en", { numeric: true });
