// Decodes objects as the API server of one version does that is asked to be strict: an unknown,
// doubled or wrongly typed field is an error. One object a line on standard input, as JSON; each
// fault a line on standard output. The version is that of k8s.io/api in the module file.
package main

import (
	"bufio"
	"fmt"
	"os"

	apps "k8s.io/api/apps/v1"
	autoscaling "k8s.io/api/autoscaling/v2"
	batch "k8s.io/api/batch/v1"
	core "k8s.io/api/core/v1"
	networking "k8s.io/api/networking/v1"
	policy "k8s.io/api/policy/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer"
)

func main() {
	known := runtime.NewScheme()
	for _, group := range []func(*runtime.Scheme) error{
		apps.AddToScheme, autoscaling.AddToScheme, batch.AddToScheme,
		core.AddToScheme, networking.AddToScheme, policy.AddToScheme,
	} {
		must(group(known))
	}
	decoder := serializer.NewCodecFactory(known, serializer.EnableStrict).UniversalDeserializer()
	objects := bufio.NewScanner(os.Stdin)
	objects.Buffer(nil, 1<<20)
	for objects.Scan() {
		if _, kind, err := decoder.Decode(objects.Bytes(), nil, nil); err != nil {
			fmt.Println(kind, err)
		}
	}
	must(objects.Err())
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}
