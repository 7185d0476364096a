// Command kube is a Kubernetes API server and the etcd that it keeps its objects in: the first argument says which.
package main

import (
	"fmt"
	"os"

	"go.etcd.io/etcd/server/v3/etcdmain"
	"k8s.io/component-base/cli"
	apiserver "k8s.io/kubernetes/cmd/kube-apiserver/app"
)

func main() {
	if len(os.Args) < 2 || (os.Args[1] != "etcd" && os.Args[1] != "kube-apiserver") {
		fmt.Fprintln(os.Stderr, "usage: kube etcd|kube-apiserver [flags]")
		os.Exit(2)
	}
	os.Args = os.Args[1:]
	if os.Args[0] == "etcd" {
		etcdmain.Main(os.Args)
		return
	}
	os.Exit(cli.Run(apiserver.NewAPIServerCommand()))
}
