// Decodes objects of operators' kinds strictly, by the operators' own types: an unknown, doubled or
// wrongly typed field is an error. One object a line on standard input, as JSON; each fault a line
// on standard output. The versions are those in the module file.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"

	postgres "github.com/cloudnative-pg/cloudnative-pg/api/v1"
	keda "github.com/kedacore/keda/v2/apis/keda/v1alpha1"
	prometheus "github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring/v1"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	strictly "sigs.k8s.io/json"
)

var kinds = map[string]func() any{
	"keda.sh/v1alpha1/ScaledObject":           func() any { return new(keda.ScaledObject) },
	"monitoring.coreos.com/v1/PodMonitor":     func() any { return new(prometheus.PodMonitor) },
	"monitoring.coreos.com/v1/PrometheusRule": func() any { return new(prometheus.PrometheusRule) },
	"postgresql.cnpg.io/v1/Cluster":           func() any { return new(postgres.Cluster) },
}

func main() {
	objects := bufio.NewScanner(os.Stdin)
	objects.Buffer(nil, 1<<20)
	for objects.Scan() {
		for _, fault := range faults(objects.Bytes()) {
			fmt.Println(fault)
		}
	}
	must(objects.Err())
}

func faults(object []byte) []error {
	var named meta.TypeMeta
	must(json.Unmarshal(object, &named))
	kind := named.APIVersion + "/" + named.Kind
	empty, isKnown := kinds[kind]
	if !isKnown {
		return []error{fmt.Errorf("no types for %s", kind)}
	}
	found, err := strictly.UnmarshalStrict(object, empty())
	if err != nil {
		found = append(found, err)
	}
	return found
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}
