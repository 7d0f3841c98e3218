/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/*
 * sanitized: is the program built with a sanitizer? Its malloc is another one, whose numbers say
 * nothing about ours, and it needs up to ten times as long: who simulates years does fewer then.
 */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED true
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED true
#endif
#endif
#ifndef SANITIZED
#define SANITIZED false
#endif
