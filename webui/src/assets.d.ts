// SPDX-License-Identifier: GPL-3.0-or-later
// Style sheets are imported for their effect; the bundler collects them.
declare module "*.css";
