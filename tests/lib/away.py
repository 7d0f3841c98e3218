# SPDX-License-Identifier: GPL-3.0-or-later
"""A network whose hub is killed and stays away, with a build that renews sessions every 6 s and forgets idle ones after 27 s.

    linodeHQ (hub) --- internet --+-- linode1            talks with linode2 all the time
                                  +-- [NAT] linode2
                                  +-- linode3            talks with linode4, which is restarted
                                  +-- [NAT] linode4
                                  +-- linode5            has talked with linode2, then not any more
"""

import signal

import nat
import world as w
from paths import kill, overlay, path, peers, wait_all_online, wait_path
from traffic import PingStream, ProbeStream, answer_probes

BEHIND_NAT = (2, 4)
# Who does not talk is to forget soon.
OPTIONS = ("-oDirectIdle=5",)
# New sessions of a stream that never stops.
RENEWALS = 5


class HubAway:
    def __init__(self, world):
        self.world = world
        self.hq = world.headquarters(lan_host=False)
        self.sites = [world.branch(self.hq, f"linode{n}", n, lan_host=False, start=False,
                                   nat=nat.Nat(world, nat.PORT_RESTRICTED, n) if n in BEHIND_NAT else None) for n in (1, 2, 3, 4, 5)]
        self.one, self.two, self.three, self.four, self.five = self.sites
        for site in self.sites:
            site.start_daemon("spoke", *OPTIONS, wait=False)
            answer_probes(site.server)
        wait_all_online(self.hq)
        self.address = overlay(self.hq)
        # First of all, since it takes them longest to forget.
        self.make_acquaintance()
        self.steady = ProbeStream(self.one.server, self.address["linode2"])
        self.restarted = ProbeStream(self.three.server, self.address["linode4"])
        wait_path(self.one, self.two, "direct-udp")
        wait_path(self.three, self.four, "direct-udp")
        self.log_mark = 0

    def make_acquaintance(self):
        """linode2 and linode5 learn where the other is, and fall silent."""
        stream = PingStream(self.two.server, self.address["linode5"])
        wait_path(self.two, self.five, "direct-udp")
        stream.stop()

    def leave(self):
        """From now on nothing may be lost between linode1 and linode2."""
        if self.steady.process.alive():
            self.steady.stop()
        self.steady = ProbeStream(self.one.server, self.address["linode2"])
        self.log_mark = self.one.daemon.mark()
        kill(self.hq)

    def renewals(self):
        """New sessions between linode1 and linode2 since the hub was killed."""
        return sum("linode2: handshake complete" in line for line in self.one.daemon.lines[self.log_mark:])

    def restart_spoke(self):
        """It has nothing but its cached directory, and its partner's patience."""
        mark = self.restarted.mark()
        assert self.four.daemon.stop() == 0
        self.restarted.process.wait_line("silent", 20, mark)
        self.four.start_daemon("spoke", *OPTIONS)
        self.restarted.wait_back(mark, 40)
        wait_path(self.three, self.four, "direct-udp")

    def meet_again(self):
        """Two whose session is long gone, and who have nobody to ask where the other is."""
        for a, b in ((self.two, self.five), (self.five, self.two)):
            w.wait_until(f"{a.name} has forgotten its session with {b.name}", lambda a=a, b=b: peers(a)[b.name]["cipher"] is None, 45)
        self.two.server.wait_ping(self.address["linode5"], 30)
        wait_path(self.two, self.five, "direct-udp")

    def wait_renewals(self, count=RENEWALS):
        w.wait_until(f"{count} new sessions", lambda: self.renewals() >= count, 20 + 8 * count)

    def come_back(self):
        """Returns what became of the packets between linode1 and linode2 since the hub was killed, until some time after its return."""
        self.hq.start_daemon("hub")
        for site in self.sites:
            # So that nobody has to wait until they try again by themselves.
            site.daemon.popen.send_signal(signal.SIGHUP)
        wait_all_online(self.hq)
        self.wait_renewals(self.renewals() + 1)
        assert path(self.one, self.two) == path(self.two, self.one) == "direct-udp"
        return self.steady.stop()

    def memory(self):
        """"site/role" -> KiB of memory of its own, of every process of the spokes that were not restarted."""
        found = {}
        for site in (self.one, self.two, self.three, self.five):
            for pid in (site.daemon_pid(), *map(int, w.run(["pgrep", "-P", str(site.daemon_pid())]).stdout.split())):
                with open(f"/proc/{pid}/comm", encoding="utf-8") as f:
                    name = f"{site.name}/{f.read().strip()}"
                with open(f"/proc/{pid}/smaps_rollup", encoding="utf-8") as f:
                    found[name] = next(int(line.split()[1]) for line in f if line.startswith("Anonymous:"))
        return found


__all__ = ["HubAway", "RENEWALS"]
