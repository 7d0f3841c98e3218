/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "spoke/control/trial.h"

#include <inttypes.h>
#include <string.h>

#include "shared/base/clock.h"
#include "shared/base/log.h"
#include "spoke/control/spoke.h"
#include "spoke/control/trial_file.h"

/* Of our questions to the engine and the monitor: none of the others counts so far. */
#define TRIAL_TAG 0xfffffff0u

static void roll_back(struct spoke *s, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static bool is_trying(const struct spoke *s) { return s->trial.outcome == SETTINGS_TRYING; }

static enum err save(struct spoke *s)
{
	enum err e = trial_file_save(&s->trial, s->cfg->settings_file);

	if (e)
		log_error("settings: %s cannot be written: %s", s->cfg->settings_file, err_str(e));
	return e;
}

/* --- putting settings into force -------------------------------------------------------------- */

static void set_log_level(struct spoke *s)
{
	const struct monitor_log_level m = { .level = (uint8_t)s->cfg->log_level };
	uint8_t mem[8];
	struct cursor body;

	if (m.level == log_level())
		return;
	cursor_init_write(&body, mem, sizeof(mem));
	monitor_log_level_encode(&m, &body);
	if (net_feed_send(&s->net, MONITOR_LOG_LEVEL, &body))
		log_warn("settings: the log level could not be set");
}

/* The sockets are the monitor's, and the engine starts anew with them. */
static void set_port(struct spoke *s)
{
	enum setting_source source;
	const int32_t wanted = spoke_config_setting(s->cfg, SETTING_PORT, &source);
	struct monitor_port m = { .tag = TRIAL_TAG, .port = (uint16_t)wanted };
	uint8_t mem[16];
	struct cursor body;

	if (source == SETTING_LOCAL || s->cfg->n_udp == 0 || wanted == s->cfg->udp[0].port)
		return;
	cursor_init_write(&body, mem, sizeof(mem));
	monitor_port_encode(&m, &body);
	if (net_feed_send(&s->net, MONITOR_PORT, &body)) {
		log_error("settings: the monitor does not take the port");
		return;
	}
	s->trial.port_tag = m.tag;
	s->trial.port = m.port;
}

static void put_into_force(struct spoke *s, const struct node_settings *x)
{
	spoke_config_steer(s->cfg, x);
	set_log_level(s);
	set_port(s);
	if (s->cache.has_welcome)
		apply_cache(s);
}

bool trial_port_done(struct spoke *s, const struct monitor_done *m)
{
	struct trial *t = &s->trial;

	if (!t->port_tag || m->tag != t->port_tag)
		return false;
	t->port_tag = 0;
	if (m->result == ERR_OK) {
		for (unsigned i = 0; i < s->cfg->n_udp; i++)
			s->cfg->udp[i].port = t->port;
	} else if (is_trying(s)) {
		roll_back(s, "%s", m->text);
	} else {
		log_error("settings: %s; port %u stays", m->text, s->cfg->udp[0].port);
	}
	return true;
}

/* --- what the hub is told --------------------------------------------------------------------- */

static void fill_effective(const struct spoke *s, struct control_settings_state *m)
{
	for (enum node_setting k = 0; k < NODE_SETTINGS_MAX; k++) {
		int32_t v = spoke_config_setting(s->cfg, k, &m->source[k]);

		if (k == SETTING_MTU)
			v = engine_feed_mtu(&s->engine, &s->cache);
		else if (k == SETTING_PORT && s->cfg->n_udp)
			v = s->cfg->udp[0].port;
		else if (k == SETTING_PMTU && v == 0)
			continue; /* no limit of its own */
		node_settings_put(&m->effective, k, v);
	}
}

void trial_tell(struct spoke *s)
{
	struct control_msg m = { .type = CONTROL_SETTINGS_STATE };
	const struct trial *t = &s->trial;

	if (!client_is_up(&s->client) || !(s->cache.welcome.capabilities & CAP_SETTINGS))
		return;
	m.settings_state.in_force = t->in_force;
	m.settings_state.tried = t->tried;
	m.settings_state.outcome = t->outcome;
	memcpy(m.settings_state.reason, t->reason, sizeof(t->reason));
	fill_effective(s, &m.settings_state);
	client_send(&s->client, &m);
}

/* --- the two ends of a trial ------------------------------------------------------------------ */

static void end_trial(struct spoke *s)
{
	timer_disarm(loop_timers(s->loop), &s->trial.deadline);
	timer_disarm(loop_timers(s->loop), &s->trial.ping);
}

static void roll_back(struct spoke *s, const char *fmt, ...)
{
	struct trial *t = &s->trial;
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(t->reason, sizeof(t->reason), fmt, ap);
	va_end(ap);
	t->outcome = SETTINGS_ROLLED_BACK;
	end_trial(s);
	log_warn("settings: the hub's change %" PRIu64 " is taken back: %s", t->tried, t->reason);
	/* Unwritten it would be found on trial after a restart, and taken back again: the same. */
	if (save(s))
		log_warn("settings: what held before holds until the next restart at least");
	put_into_force(s, &t->held);
	if (client_is_up(&s->client))
		trial_tell(s);
	else
		client_hurry(&s->client);
}

static void confirm(struct spoke *s)
{
	struct trial *t = &s->trial;
	const struct trial before = *t;

	t->in_force = t->tried;
	t->held = t->wished;
	t->outcome = SETTINGS_NONE;
	t->reason[0] = '\0';
	if (save(s)) {
		t->in_force = before.in_force;
		t->held = before.held;
		roll_back(s, "the disk of the branch does not take it: see its log");
		return;
	}
	end_trial(s);
	log_notice("settings: the hub's change %" PRIu64 " is confirmed", t->in_force);
	trial_tell(s);
}

static void deadline_fired(struct timer *timer, uint64_t now_ms)
{
	struct spoke *s = container_of(timer, struct spoke, trial.deadline);
	const struct trial *t = &s->trial;

	(void)now_ms;
	if (!t->linked)
		roll_back(s, "the hub was not reached within %u s", t->confirm_s);
	else
		roll_back(s,
			  "the hub was reached, but the tunnel to it did not answer%s within %u s",
			  t->by_udp ? " by UDP, as it did before," : "", t->confirm_s);
}

/* --- the proof: a new link, and an answer through the tunnel ---------------------------------- */

static void ask_hub(struct spoke *s)
{
	struct engine_ping m = { .tag = TRIAL_TAG, .id = s->cache.welcome.hub_id };
	uint8_t mem[16];
	struct cursor body;

	cursor_init_write(&body, mem, sizeof(mem));
	engine_ping_encode(&m, &body);
	(void)engine_feed_send(&s->engine, ENGINE_PING, &body); /* no engine now: asked again */
	timer_arm(loop_timers(s->loop), &s->trial.ping, loop_now_ms(s->loop) + TRIAL_PING_MS);
}

static void ping_fired(struct timer *timer, uint64_t now_ms)
{
	(void)now_ms;
	ask_hub(container_of(timer, struct spoke, trial.ping));
}

bool trial_pong(struct spoke *s, const struct engine_pong *p)
{
	const struct trial *t = &s->trial;
	bool udp = p->path == PATH_DIRECT_UDP || p->path == PATH_HUB_UDP;

	if (p->tag != TRIAL_TAG)
		return false;
	if (is_trying(s) && t->linked && !t->port_tag && p->result == ERR_OK && (udp || !t->by_udp))
		confirm(s);
	return true;
}

void trial_link_up(struct spoke *s)
{
	s->trial.linked = is_trying(s);
	trial_tell(s);
	if (!s->trial.linked)
		return;
	if (s->trial.tunnel)
		ask_hub(s);
	else
		confirm(s);
}

void trial_link_down(struct spoke *s)
{
	s->trial.linked = false;
	timer_disarm(loop_timers(s->loop), &s->trial.ping);
}

/* --- begin ------------------------------------------------------------------------------------ */

static void arm_deadline(struct spoke *s, uint64_t left_ms)
{
	timer_arm(loop_timers(s->loop), &s->trial.deadline, loop_now_ms(s->loop) + left_ms);
}

/* How the hub is reached now: a change must not make it worse. */
static void note_tunnel(struct spoke *s, struct trial *t)
{
	const struct peer_state *hub = peers_find(&s->peers, s->cache.welcome.hub_id);

	t->tunnel = hub && hub->path != PATH_DOWN;
	t->by_udp = t->tunnel && hub->path != PATH_HUB_TCP;
}

/* A change that cannot even be tried. */
static void refuse(struct spoke *s, const struct control_settings *m, const char *why)
{
	s->trial.tried = m->number;
	s->trial.wished = m->values;
	s->trial.confirm_s = m->confirm_s;
	s->trial.began_ms = clock_wall_ms();
	roll_back(s, "%s", why);
}

void trial_begin(struct spoke *s, const struct control_settings *m)
{
	struct trial *t = &s->trial;
	char why[SETTINGS_REASON_SIZE];

	if (m->number == t->in_force || (m->number == t->tried && t->outcome != SETTINGS_NONE)) {
		trial_tell(s); /* the hub has not heard of it */
		return;
	}
	end_trial(s);
	if (m->unknown[0]) {
		snprintf(why, sizeof(why), "this version (%s) does not take the setting %s",
			 BRANCHLINE_VERSION, m->unknown);
		refuse(s, m, why);
		return;
	}
	t->tried = m->number;
	t->wished = m->values;
	t->confirm_s = m->confirm_s;
	t->began_ms = clock_wall_ms();
	t->outcome = SETTINGS_TRYING;
	t->reason[0] = '\0';
	t->linked = false;
	note_tunnel(s, t);
	if (save(s)) { /* without that a reboot in between would leave it for ever */
		refuse(s, m, "the disk of the branch does not take it: see its log");
		return;
	}
	log_notice("settings: the hub's change %" PRIu64 " is tried; it is taken back unless the "
		   "hub is reached again within %u s",
		   t->tried, t->confirm_s);
	put_into_force(s, &t->wished);
	arm_deadline(s, t->confirm_s * 1000ull);
	client_close(&s->client, "settings are tried: the hub has to be reached anew", false, 0);
	client_hurry(&s->client);
}

/* What is left of a trial that was under way when we ended; 0: nothing. */
static uint64_t left_ms(const struct trial *t)
{
	int64_t gone = clock_wall_ms() - t->began_ms, all = t->confirm_s * 1000ll;

	return gone < 0 || gone >= all ? 0 : (uint64_t)(all - gone);
}

void trial_start(struct spoke *s)
{
	struct trial *t = &s->trial;
	enum err e = trial_file_load(t, s->cfg->settings_file);

	t->deadline.fire = deadline_fired;
	t->ping.fire = ping_fired;
	if (e && e != ERR_NOTFOUND)
		log_warn("settings: %s: %s; the hub will be asked again", s->cfg->settings_file,
			 err_str(e));
	if (!is_trying(s)) {
		put_into_force(s, &t->held);
		return;
	}
	if (left_ms(t) == 0) {
		roll_back(s, "the branch was restarted meanwhile, and the %u s are over",
			  t->confirm_s);
		return;
	}
	log_notice("settings: the hub's change %" PRIu64 " is still on trial", t->tried);
	arm_deadline(s, left_ms(t));
	put_into_force(s, &t->wished);
}

void trial_stop(struct spoke *s) { end_trial(s); }
