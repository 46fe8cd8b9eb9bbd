// A downstream app in miniature: keeps a table of who holds which role, and prints each change.
//
//	go run . KAFKA_ADDRESS TABLE [GROUP]
//
// This file speaks with Kafka; table.go decides what counts.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

const events, state = "role.events.v1", "role.state.v1"

var ctx = context.Background()

// bootstrap makes the table from the compacted topic.
func bootstrap(address string) *table {
	t := newTable()
	client := must(kgo.NewClient(kgo.SeedBrokers(address), kgo.ConsumeTopics(state)))
	defer client.Close()
	admin := kadm.NewClient(client)
	// First where the events end, then the state: it holds what they told up to there.
	for _, end := range must(admin.ListEndOffsets(ctx, events))[events] {
		t.Offsets[end.Partition] = must(end.Offset, end.Err)
	}
	unread := map[int32]int64{}
	for _, end := range must(admin.ListEndOffsets(ctx, state))[state] {
		if must(end.Offset, end.Err) > 0 {
			unread[end.Partition] = end.Offset
		}
	}
	for len(unread) > 0 {
		client.PollFetches(ctx).EachRecord(func(one *kgo.Record) {
			t.learn(string(one.Key), one.Value)
			if one.Offset+1 >= unread[one.Partition] {
				delete(unread, one.Partition)
			}
		})
	}
	return t
}

// follow keeps the table up to date until it has a gap.
func follow(t *table, address, group, path string) (gap error) {
	// Kafka decides who reads, the table from where.
	place := func(_ context.Context, all map[string]map[int32]kgo.Offset) (map[string]map[int32]kgo.Offset, error) {
		for partition := range all[events] {
			all[events][partition] = kgo.NewOffset().At(t.Offsets[partition])
		}
		return all, nil
	}
	client := must(kgo.NewClient(kgo.SeedBrokers(address), kgo.ConsumerGroup(group), kgo.ConsumeTopics(events),
		kgo.DisableAutoCommit(), kgo.AdjustFetchOffsetsFn(place), kgo.SessionTimeout(10*time.Second)))
	defer client.Close()
	for gap == nil {
		t.save(path)
		must(0, client.CommitUncommittedOffsets(ctx))
		client.PollFetches(ctx).EachRecord(func(one *kgo.Record) {
			if gap == nil {
				gap = t.apply(one.Partition, one.Offset, string(one.Key), one.Value)
			}
		})
	}
	return gap
}

func main() {
	if len(os.Args) < 3 {
		fmt.Fprintln(os.Stderr, "usage: subscriber KAFKA_ADDRESS TABLE [GROUP]")
		os.Exit(2)
	}
	address, path, group := os.Args[1], os.Args[2], append(os.Args, "example-go")[3]
	t := newTable()
	if content, err := os.ReadFile(path); err == nil {
		must(0, json.Unmarshal(content, t))
	} else {
		t = bootstrap(address)
	}
	for {
		fmt.Fprintln(os.Stderr, "missed something, starting anew:", follow(t, address, group, path))
		t = bootstrap(address)
	}
}
