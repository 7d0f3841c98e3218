/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/* engine_text: what a status says of the engine, as lines for people. The same in both programs. */
#include <jansson.h>
#include <stdio.h>

/* "data plane  aes-256-gcm/openssl, tun tso+uso, udp one by one": `engine` has the strings "crypto"
 * and "offloads" (engine_offload_str()). */
void engine_text_sealing(const json_t *engine, FILE *out);
/* What compression was worth: nothing before anything was tried. `c`: "tried", "compressed",
 * "us_per_packet", "before_bytes", "after_bytes". */
void engine_text_compression(const json_t *c, FILE *out);
