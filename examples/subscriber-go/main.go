// A downstream app: keeps a table of who holds which role in a file, and prints each change.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

const events, states = "role.events.v1", "role.state.v1"
const assigned, revoked = "rollcall.role.assigned.v1", "rollcall.role.revoked.v1"

var changes = map[string]string{assigned: "now holds", revoked: "no longer holds"}
var ctx = context.Background()

// A table is what the file holds; a position is generation, sequence, and 1 if it is exact.
type table struct {
	Offsets   kadm.Offsets        `json:"offsets"`
	Positions map[string][3]int64 `json:"positions"`
	Holds     map[string][]string `json:"holds"`
}

// A record is an event, or what the compacted topic says of a user.
type record struct {
	Type       string
	Generation int64
	Sequence   int64 `json:",string"`
	Data       struct {
		User       struct{ ID, UserName string }
		Role       struct{ Name string }
		Reason     struct{ Kind string }
		RolesAfter []string
		Roles      []struct{ Role struct{ Key string } }
	}
}

func main() {
	t, address, path := table{}, os.Args[1], os.Args[2]
	if content, err := os.ReadFile(path); err == nil {
		must(0, json.Unmarshal(content, &t))
	} else {
		t = bootstrap(address)
	}
	for {
		gap := t.follow(address, path)
		fmt.Fprintln(os.Stderr, "missed something, starting anew:", gap)
		t = bootstrap(address)
	}
}

func bootstrap(address string) table {
	client := must(kgo.NewClient(kgo.SeedBrokers(address), kgo.ConsumeTopics(states)))
	defer client.Close()
	// First where the events end, then the state: it holds what they told up to there.
	t := table{ends(client, events), map[string][3]int64{}, map[string][]string{}}
	unread := ends(client, states)
	unread.KeepFunc(func(end kadm.Offset) bool { return end.At > 0 })
	for len(unread[states]) > 0 {
		client.PollFetches(ctx).EachRecord(func(one *kgo.Record) {
			t.learn(string(one.Key), parse(one.Value))
			if one.Offset+1 >= unread[states][one.Partition].At {
				unread.Delete(states, one.Partition)
			}
		})
	}
	return t
}

func ends(client *kgo.Client, topic string) kadm.Offsets {
	listed := must(kadm.NewClient(client).ListEndOffsets(ctx, topic))
	return must(listed.Offsets(), listed.Error())
}

// follow keeps the table and its file up to date until something is missing.
func (t table) follow(address, path string) (gap error) {
	client := must(kgo.NewClient(kgo.SeedBrokers(address),
		kgo.ConsumePartitions(t.Offsets.KOffsets()), kgo.ConsumeResetOffset(kgo.NoResetOffset())))
	defer client.Close()
	if len(ends(client, events)[events]) != len(t.Offsets[events]) {
		return errors.New("partitions were added")
	}
	for gap == nil {
		t.save(path)
		fetches := client.PollFetches(ctx)
		gap = fetches.Err() // of an offset that the log no longer has
		for _, one := range fetches.Records() {
			gap = errors.Join(gap, t.apply(string(one.Key), parse(one.Value)))
		}
		kadm.OffsetsFromFetches(fetches).Each(t.Offsets.Add)
	}
	return gap
}

func (t table) learn(key string, state record) {
	t.Holds[key] = nil
	for _, held := range state.Data.Roles {
		t.Holds[key] = append(t.Holds[key], held.Role.Key)
	}
	// The events up to its number are contained, and maybe more: it is not exact.
	directory, at := strings.Split(key, "/")[0], [3]int64{state.Generation, state.Sequence, 0}
	if last := t.Positions[directory]; slices.Compare(at[:2], last[:2]) > 0 {
		t.Positions[directory] = at
	}
}

// apply applies an event once, and prints what changed. An error is a gap.
func (t table) apply(directory string, event record) error {
	at, last := [3]int64{event.Generation, event.Sequence, 1}, t.Positions[directory]
	if slices.Compare(at[:2], last[:2]) <= 0 {
		return nil // a repeat, or contained in the state
	}
	if last[2] == 1 && at[1] != last[1]+1 && (at[0] == last[0] || at[1] != 1) {
		return fmt.Errorf("directory %s: %v after %v", directory, at, last)
	}
	t.Positions[directory] = at
	if change, known := changes[event.Type]; known { // new types may come at any time
		data := event.Data
		t.Holds[directory+"/"+data.User.ID] = data.RolesAfter
		fmt.Printf("%s %s %s: %s\n", data.User.UserName, change, data.Role.Name, data.Reason.Kind)
	}
	return nil
}

// save replaces the file in one step: roles, positions and offsets change together.
func (t table) save(path string) {
	maps.DeleteFunc(t.Holds, func(_ string, roles []string) bool { return len(roles) == 0 })
	draft := must(os.Create(path + ".new"))
	defer draft.Close()
	must(draft.Write(must(json.MarshalIndent(t, "", " "))))
	must(0, draft.Sync())
	must(0, os.Rename(draft.Name(), path))
}

func parse(value []byte) (parsed record) {
	if value != nil { // without one the user holds nothing
		must(0, json.Unmarshal(value, &parsed))
	}
	return parsed
}

func must[T any](value T, err error) T {
	if err != nil {
		panic(err)
	}
	return value
}
