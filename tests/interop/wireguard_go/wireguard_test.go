// Package interop runs our WireGuard device against wireguard-go's, in virtual time.
package interop

import (
	"testing"
	"testing/synctest"
	"time"
)

const ms = time.Millisecond

var clean = path{delay: 10 * ms}

func inWorld(t *testing.T, p path, test func(t *testing.T, w *world)) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, p)
		defer w.close()
		test(t, w)
	})
}

func TestFirstPacket(t *testing.T) {
	for _, v6 := range []bool{false, true} {
		inWorld(t, clean, func(t *testing.T, w *world) {
			if !w.there(1, 100, v6, 31*ms) || !w.back(1, 100, v6, 11*ms) {
				t.Errorf("we initiate: v6 %v", v6)
			}
		})
		inWorld(t, clean, func(t *testing.T, w *world) {
			if !w.back(1, 100, v6, 31*ms) || !w.there(1, 100, v6, 11*ms) {
				t.Errorf("wireguard-go initiates: v6 %v", v6)
			}
		})
	}
}

func TestSizes(t *testing.T) {
	inWorld(t, clean, func(t *testing.T, w *world) {
		for length := 48; length <= 1280; length++ {
			n := uint32(length)
			if !w.there(n, length, length%2 == 0, 100*ms) || !w.back(n, length, length%2 == 0, 100*ms) {
				t.Fatalf("length %d", length)
			}
		}
	})
}

// TestRekey: an hour of traffic on a clean path, one way or both, loses nothing.
func TestRekey(t *testing.T) {
	for _, c := range []struct {
		name        string
		there, back bool
		weStart     bool
		rtt         time.Duration
	}{
		{"both ways, we start", true, true, true, 20 * ms},
		{"both ways, they start", true, true, false, 20 * ms},
		{"we only send", true, false, true, 20 * ms},
		{"they only send", false, true, true, 20 * ms},
		{"they only send and start", false, true, false, 20 * ms},
		{"both ways, far", true, true, true, 400 * ms},
	} {
		inWorld(t, path{delay: c.rtt / 2}, func(t *testing.T, w *world) {
			if c.weStart {
				w.there(0, 100, false, 5*time.Second)
			} else {
				w.back(0, 100, false, 5*time.Second)
			}
			time.Sleep(5 * time.Second)
			for n := uint32(1); n < 7200; n++ {
				if c.there && !w.there(n, 100, false, c.rtt/2+ms) {
					t.Fatalf("%s: packet %d of ours was lost", c.name, n)
				}
				if c.back && !w.back(n, 100, false, c.rtt/2+ms) {
					t.Fatalf("%s: packet %d of theirs was lost", c.name, n)
				}
				time.Sleep(500 * ms)
			}
			if w.ours.handshakes < 20 {
				t.Errorf("%s: only %d handshakes", c.name, w.ours.handshakes)
			}
		})
	}
}

// TestSimultaneous: both initiate, at every offset but those at which a response and an initiation
// reach wireguard-go in the same instant: its workers handle them in parallel and may then mix up
// the two handshakes (the index of one, the keys of the other), which ends after 15 s.
func TestSimultaneous(t *testing.T) {
	for _, delay := range []time.Duration{5 * ms, 40 * ms, 130 * ms, 300 * ms} {
		for offset := -2*delay + ms; offset <= 2*delay; offset += delay / 2 {
			inWorld(t, path{delay: delay}, func(t *testing.T, w *world) {
				ours, theirs := packet(true, 1, 100, false), packet(false, 1, 100, false)
				if offset > 0 {
					w.do('s', ours...)
					time.Sleep(offset)
				}
				w.goTUN.Outbound <- theirs
				if offset <= 0 {
					time.Sleep(-offset)
					w.do('s', ours...)
				}
				if !w.arrives(true, ours, 8*delay+700*ms) {
					t.Errorf("delay %v, offset %v: ours was lost", delay, offset)
				}
				// wireguard-go forgets its own initiation when ours comes: its packet waits for the
				// session that we start, which is there now.
				if !w.arrives(false, theirs, 2*delay+ms) {
					t.Errorf("delay %v, offset %v: theirs was lost", delay, offset)
				}
				for n := uint32(2); n < 300; n++ {
					if !w.there(n, 100, false, delay+ms) || !w.back(n, 100, false, delay+ms) {
						t.Fatalf("delay %v, offset %v: packet %d was lost", delay, offset, n)
					}
					time.Sleep(time.Second)
				}
			})
		}
	}
}

// TestKnownLate: wireguard-go learns of us only after a while, as a tailscaled does: it ignores nodes that its netmap lacks.
func TestKnownLate(t *testing.T) {
	for _, c := range []struct{ known, rtt, within time.Duration }{
		{0, 20 * ms, 40 * ms},
		{700 * ms, 20 * ms, 900 * ms},
		{1500 * ms, 60 * ms, 1700 * ms},
		{700 * ms, 250 * ms, 1600 * ms},
		{700 * ms, 600 * ms, 2900 * ms},
	} {
		inWorld(t, path{delay: c.rtt / 2}, func(t *testing.T, w *world) {
			w.goDevice.Close()
			w.startGo(false)
			time.AfterFunc(c.known, w.knowUs)
			start := time.Now()
			if !w.there(1, 100, false, c.within) {
				t.Errorf("known after %v, round trip %v: nothing within %v", c.known, c.rtt, c.within)
			}
			t.Logf("known after %v, round trip %v: first packet there after %v", c.known, c.rtt, time.Since(start))
			if !w.back(1, 100, false, c.rtt/2+ms) {
				t.Error("nothing came back")
			}
		})
	}
}

// TestCookies: either end under load. Ours asks wireguard-go, which comes again after its 5 s; wireguard-go,
// flooded, asks us.
func TestCookies(t *testing.T) {
	inWorld(t, clean, func(t *testing.T, w *world) {
		w.do('l', 1)
		if !w.back(1, 100, false, 5500*ms) {
			t.Error("our cookie was of no use to wireguard-go")
		}
	})
	inWorld(t, clean, func(t *testing.T, w *world) {
		w.do('l', 1)
		if !w.there(1, 100, false, 6*time.Second) {
			t.Error("our device needs no cookie from itself, but the response does")
		}
	})
	inWorld(t, clean, func(t *testing.T, w *world) {
		if !w.there(1, 100, false, time.Second) {
			t.Fatal("no session")
		}
		time.Sleep(time.Second)
		for range 5000 { // more than it takes at once: it is under load for a second
			w.bind.rx <- w.initiation
		}
		done := make(chan struct{})
		w.requests <- func() { w.startOurs(w.ours.lastTimestamp); close(done) }
		<-done
		if !w.there(2, 100, false, 150*ms) {
			t.Error("the initiation with a cookie was not heard")
		}
		if w.cookies == 0 {
			t.Error("wireguard-go was not under load")
		}
	})
}

func TestRestarts(t *testing.T) {
	inWorld(t, clean, func(t *testing.T, w *world) {
		w.there(1, 100, false, time.Second)
		w.back(1, 100, false, time.Second)
		for n := uint32(2); n < 6; n++ {
			done := make(chan struct{})
			w.requests <- func() { w.startOurs(w.ours.lastTimestamp); close(done) }
			<-done
			if !w.there(n, 100, false, 31*ms) || !w.back(n, 100, false, 11*ms) {
				t.Fatal("our restart broke the session")
			}
		}
	})
	inWorld(t, clean, func(t *testing.T, w *world) {
		w.there(1, 100, false, time.Second)
		time.Sleep(20 * time.Second)
		w.goDevice.Close()
		w.startGo(true)
		start := time.Now()
		for n := uint32(2); !w.there(n, 100, false, 500*ms); n++ {
			if time.Since(start) > 17*time.Second {
				t.Fatal("their restart broke the session for more than 17 s")
			}
		}
		if !w.back(1, 100, false, 11*ms) {
			t.Error("nothing came back")
		}
	})
	inWorld(t, clean, func(t *testing.T, w *world) {
		w.there(1, 100, false, time.Second)
		time.Sleep(20 * time.Second)
		w.goDevice.Close()
		w.startGo(true)
		if !w.back(1, 100, false, 31*ms) { // they speak first: at once
			t.Error("their restart broke the session")
		}
	})
}

// TestSilence: sessions that expired, were wiped, or whose peer is long forgotten come back at once.
func TestSilence(t *testing.T) {
	for _, pause := range []time.Duration{30, 119, 121, 170, 179, 181, 300, 539, 541, 3600} {
		inWorld(t, clean, func(t *testing.T, w *world) {
			n := uint32(1)
			for range 3 {
				if !w.there(n, 100, false, 41*ms) || !w.back(n, 100, false, 41*ms) {
					t.Fatalf("after %d s", pause)
				}
				time.Sleep(pause * time.Second)
				if !w.back(n+1, 100, false, 41*ms) || !w.there(n+1, 100, false, 41*ms) {
					t.Fatalf("after %d s, they first", pause)
				}
				time.Sleep(pause * time.Second)
				n += 2
			}
		})
	}
}

// TestBadPath: losses and reordering; the session is always up again soon.
func TestBadPath(t *testing.T) {
	inWorld(t, path{delay: 5 * ms, jitter: 150 * ms, lossPercent: 10}, func(t *testing.T, w *world) {
		lost, longest := 0, 0
		run := 0
		for n := uint32(1); n < 4000; n++ {
			there, back := w.there(n, 100, false, 200*ms), w.back(n, 100, false, 200*ms)
			if there && back {
				run = 0
				continue
			}
			lost++
			run++
			longest = max(longest, run)
		}
		t.Logf("%d of 4000 round trips lost, at most %d in a row", lost, longest)
		if lost > 4000*30/100 || longest > 30 {
			t.Errorf("%d of 4000 round trips lost, at most %d in a row", lost, longest)
		}
	})
}
